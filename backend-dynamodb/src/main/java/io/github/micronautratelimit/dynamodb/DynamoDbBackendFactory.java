package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend.BlockingClient;
import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.condition.Condition;
import io.micronaut.context.condition.ConditionContext;
import io.micronaut.context.exceptions.BeanInstantiationException;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.context.exceptions.NoSuchBeanException;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.awscore.AwsServiceClientConfiguration;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Creates the backend on the DynamoDB client of the application: the non-blocking one if it has an HTTP client for it,
 * otherwise the blocking one. Timeouts and retries are the backend's own. All other settings, such as region, endpoint,
 * credentials and HTTP client, are those of the application.
 */
@Factory
@RequiresRateLimit
@Requires(condition = DynamoDbBackendFactory.IsSelected.class)
final class DynamoDbBackendFactory {

    private static final String NAME = "dynamodb";
    private static final int MAX_THREADS = 32;
    private static final int IDLE_SECONDS = 30;

    /** Matches if a table is configured, or if DynamoDB is the selected backend. */
    static final class IsSelected implements Condition {

        @Override
        @SuppressWarnings("rawtypes")
        public boolean matches(ConditionContext context) {
            return context.containsProperty(DynamoDbConfiguration.PREFIX + ".table")
                    || context.getProperty(RateLimitConfiguration.PREFIX + ".backend", String.class)
                            .filter(NAME::equals)
                            .isPresent();
        }
    }

    @Singleton
    @Named(NAME)
    @Bean(
            preDestroy = "close",
            typed = {DynamoDbBackend.class, RateLimitBackend.class})
    DynamoDbBackend dynamoDbBackend(
            BeanContext beans, DynamoDbConfiguration configuration, RateLimitConfiguration rateLimits) {
        return beans.containsBean(DynamoDbAsyncClient.class)
                ? nonBlocking(beans, configuration, rateLimits.getNamespace())
                : blocking(beans, configuration, rateLimits.getNamespace());
    }

    private static DynamoDbBackend nonBlocking(
            BeanContext beans, DynamoDbConfiguration configuration, String namespace) {
        DynamoDbAsyncClient application = client(beans, DynamoDbAsyncClient.class);
        DynamoDbAsyncClient own = failingFast(
                DynamoDbAsyncClient.builder().httpClient(beans.getBean(SdkAsyncHttpClient.class)),
                application.serviceClientConfiguration(),
                configuration.getTimeout());
        return started(configuration, namespace, application, own, own::close);
    }

    private static DynamoDbBackend blocking(BeanContext beans, DynamoDbConfiguration configuration, String namespace) {
        DynamoDbClient application = client(beans, DynamoDbClient.class);
        DynamoDbClient own = failingFast(
                DynamoDbClient.builder().httpClient(beans.getBean(SdkHttpClient.class)),
                application.serviceClientConfiguration(),
                configuration.getTimeout());
        ThreadPoolExecutor executor = threads();
        return started(
                configuration,
                namespace,
                new BlockingClient(application, executor),
                new BlockingClient(own, executor),
                () -> {
                    executor.shutdown();
                    own.close();
                });
    }

    private static DynamoDbBackend started(
            DynamoDbConfiguration configuration,
            String namespace,
            DynamoDbAsyncClient application,
            DynamoDbAsyncClient own,
            Runnable onClose) {
        DynamoDbBackend backend = new DynamoDbBackend(
                own,
                configuration.getTable(),
                namespace,
                new DynamoDbClock(),
                configuration.getStartTimeout(),
                onClose);
        try {
            new TableCheck(application, configuration).check(backend);
        } catch (ConfigurationException e) {
            onClose.run();
            throw e;
        }
        return backend;
    }

    /** Returns the client of the application. If the region is missing, the message of the SDK is long and unclear. */
    private static <C> C client(BeanContext beans, Class<C> type) {
        try {
            return beans.getBean(type);
        } catch (NoSuchBeanException e) {
            throw new ConfigurationException(
                    "The DynamoDB backend needs a " + type.getSimpleName() + " bean, and there is none; add the "
                            + "dependency io.micronaut.aws:micronaut-aws-sdk-v2 and an HTTP client of the AWS SDK, "
                            + "or provide the bean.",
                    e);
        } catch (BeanInstantiationException e) {
            boolean region = String.valueOf(e.getMessage()).contains("Unable to load region");
            throw new ConfigurationException(
                    "The DynamoDB client of the application could not be created: "
                            + (region
                                    ? "no region is set; write aws.region, such as eu-central-1, or set AWS_REGION in "
                                            + "the environment."
                                    : e.getMessage()),
                    region ? null : e);
        }
    }

    static <B extends AwsClientBuilder<B, C>, C> C failingFast(
            B builder, AwsServiceClientConfiguration application, Duration timeout) {
        application.endpointOverride().ifPresent(builder::endpointOverride);
        ClientOverrideConfiguration configuration = application.overrideConfiguration().toBuilder()
                .apiCallTimeout(timeout)
                .apiCallAttemptTimeout(timeout)
                .build();
        // A retry strategy in the configuration of the application takes precedence over one that is set there, but not
        // over one that a plugin sets.
        return builder.region(application.region())
                .credentialsProvider(application.credentialsProvider())
                .overrideConfiguration(configuration)
                .addPlugin(client -> client.overrideConfiguration(client.overrideConfiguration().toBuilder()
                        .retryStrategy(DynamoDbTable.withoutRetries())
                        .build()))
                .build();
    }

    private static ThreadPoolExecutor threads() {
        ThreadPoolExecutor executor = new ThreadPoolExecutor(
                MAX_THREADS, MAX_THREADS, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
                    Thread thread = new Thread(work, "ratelimit-dynamodb");
                    thread.setDaemon(true);
                    return thread;
                });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }
}
