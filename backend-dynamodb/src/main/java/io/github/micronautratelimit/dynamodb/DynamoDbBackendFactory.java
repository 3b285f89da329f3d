package io.github.micronautratelimit.dynamodb;

import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.BeanInstantiationException;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.context.exceptions.NoSuchBeanException;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import software.amazon.awssdk.awscore.AwsServiceClientConfiguration;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.retries.StandardRetryStrategy;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Makes the backend on the application's own DynamoDB client: the one that does not block if there is an HTTP client for it,
 * else the other. Region, endpoint, credentials, HTTP client and whatever else the application has set are the same; only
 * timeouts and retries are the backend's own. In front of it, callers who wait for the same key share requests.
 */
@Factory
@RequiresRateLimit
@Requires(condition = WhereWanted.class)
final class DynamoDbBackendFactory {

    private static final int MOST_THREADS = 32;
    private static final int IDLE_SECONDS = 30;

    @Singleton
    @Named(WhereWanted.NAME)
    @Bean(typed = RateLimitBackend.class)
    RateLimitBackend coalescer(DynamoDbBackend backend, RateLimitConfiguration rateLimits) {
        try {
            return new Coalescer(backend, rateLimits.findDeadline().orElseGet(backend::deadline));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("ratelimit.deadline: " + e.getMessage(), e);
        }
    }

    @Singleton
    @Named(WhereWanted.NAME)
    @Bean(preDestroy = "close", typed = DynamoDbBackend.class)
    DynamoDbBackend dynamoDbBackend(BeanContext beans, DynamoDbConfiguration configuration,
                                    RateLimitConfiguration rateLimits) {
        boolean async = beans.containsBean(DynamoDbAsyncClient.class);
        Table.Client patient = async ? Table.Client.of(client(beans, DynamoDbAsyncClient.class))
                : Table.Client.of(client(beans, DynamoDbClient.class), Runnable::run);
        DynamoDbBackend backend = async ? async(beans, configuration, rateLimits) : blocking(beans, configuration, rateLimits);
        backend.connect(patient, configuration.isCreateTable());
        return backend;
    }

    /** The application's client, whose own refusal is long: of the region, it tells all the places it looked. */
    private static <C> C client(BeanContext beans, Class<C> type) {
        try {
            return beans.getBean(type);
        } catch (NoSuchBeanException e) {
            throw new ConfigurationException("DynamoDB is to decide, but there is no " + type.getSimpleName() + " bean; add the "
                    + "dependency io.micronaut.aws:micronaut-aws-sdk-v2 and an HTTP client of the AWS SDK, or make one.", e);
        } catch (BeanInstantiationException e) {
            boolean region = String.valueOf(e.getMessage()).contains("Unable to load region");
            throw new ConfigurationException("DynamoDB is to decide, but there is no client for it: " + (region
                    ? "no region is set; write aws.region, such as eu-central-1, or set AWS_REGION in the environment."
                    : e.getMessage()), region ? null : e);
        }
    }

    private static DynamoDbBackend async(BeanContext beans, DynamoDbConfiguration configuration,
                                         RateLimitConfiguration rateLimits) {
        DynamoDbAsyncClient client = impatient(
                DynamoDbAsyncClient.builder().httpClient(beans.getBean(SdkAsyncHttpClient.class)),
                beans.getBean(DynamoDbAsyncClient.class).serviceClientConfiguration(), configuration.getTimeout());
        return new DynamoDbBackend(Table.Client.of(client), configuration.getTable(), rateLimits.getNamespace(),
                new StoreClock(), client::close);
    }

    private static DynamoDbBackend blocking(BeanContext beans, DynamoDbConfiguration configuration,
                                            RateLimitConfiguration rateLimits) {
        DynamoDbClient client = impatient(
                DynamoDbClient.builder().httpClient(beans.getBean(SdkHttpClient.class)),
                beans.getBean(DynamoDbClient.class).serviceClientConfiguration(), configuration.getTimeout());
        ThreadPoolExecutor executor = threads();
        return new DynamoDbBackend(Table.Client.of(client, executor), configuration.getTable(), rateLimits.getNamespace(),
                new StoreClock(), () -> {
                    executor.shutdown();
                    client.close();
                });
    }

    static <B extends AwsClientBuilder<B, C>, C> C impatient(B builder, AwsServiceClientConfiguration application,
                                                             Duration timeout) {
        application.endpointOverride().ifPresent(builder::endpointOverride);
        ClientOverrideConfiguration configuration = application.overrideConfiguration().toBuilder()
                .apiCallTimeout(timeout).apiCallAttemptTimeout(timeout).build();
        // A plugin, because the application's configuration brings along a retry strategy that goes before one set in it.
        return builder.region(application.region()).credentialsProvider(application.credentialsProvider())
                .overrideConfiguration(configuration)
                .addPlugin(client -> client.overrideConfiguration(client.overrideConfiguration().toBuilder()
                        .retryStrategy(onceMoreIfTheConnectionBroke()).build()))
                .build();
    }

    /**
     * As it does in a function that was frozen. What is sent twice, the backend knows again. A connection that was refused
     * is not tried again: it is known then that nothing was sent.
     */
    private static StandardRetryStrategy onceMoreIfTheConnectionBroke() {
        return StandardRetryStrategy.builder().maxAttempts(2).retryOnException(Unanswered::isBroken)
                .backoffStrategy(BackoffStrategy.retryImmediately()).build();
    }

    private static ThreadPoolExecutor threads() {
        ThreadPoolExecutor executor = new ThreadPoolExecutor(MOST_THREADS, MOST_THREADS, IDLE_SECONDS, TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(), work -> {
                    Thread thread = new Thread(work, "ratelimit-dynamodb");
                    thread.setDaemon(true);
                    return thread;
                });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }
}
