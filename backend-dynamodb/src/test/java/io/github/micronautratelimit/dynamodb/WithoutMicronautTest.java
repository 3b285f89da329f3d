package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** Plain Java: the class path of these applications has no Micronaut. */
class WithoutMicronautTest {

    private static final Duration DEADLINE = Duration.ofMinutes(1);

    /** Uses the non-blocking client. Runs in a class loader without Micronaut. */
    public static final class NonBlocking implements Function<URI, List<Decision.Source>> {

        @Override
        public List<Decision.Source> apply(URI endpoint) {
            try (DynamoDbAsyncClient client =
                    local(DynamoDbAsyncClient.builder(), endpoint).build()) {
                return sources(client, UUID.randomUUID().toString());
            }
        }

        private static List<Decision.Source> sources(DynamoDbAsyncClient client, String user) {
            // The first request of a process loads many classes, so the default deadline of 500 ms is too short here.
            Policy policy = Policy.of("orders", "2/day").withDeadline(DEADLINE);
            // tag::limiter[]
            RateLimiter limiter =
                    RateLimiter.builder(DynamoDbBackend.of(client, "ratelimit")).build();
            Decision decision = limiter.tryAcquire(policy, user);
            // end::limiter[]
            try (limiter) {
                return Stream.of(decision, limiter.tryAcquire(policy, user), limiter.tryAcquire(policy, user))
                        .map(Decision::source)
                        .toList();
            }
        }
    }

    /** Uses the blocking client on the calling thread. Runs in a class loader without Micronaut. */
    public static final class Blocking implements Function<URI, List<Decision.Source>> {

        @Override
        public List<Decision.Source> apply(URI endpoint) {
            Policy policy = Policy.of("p", "5/day fixed").withDeadline(DEADLINE);
            try (DynamoDbClient client = local(DynamoDbClient.builder(), endpoint)
                            .httpClient(UrlConnectionHttpClient.create())
                            .build();
                    RateLimiter limiter = RateLimiter.builder(
                                    DynamoDbBackend.of(client, Runnable::run, LocalDynamoDb.TABLE, "plain"))
                            .build()) {
                String user = UUID.randomUUID().toString();
                return Stream.of(limiter.tryAcquire(policy, user, 2), limiter.tryAcquire(policy, user, 4))
                        .map(Decision::source)
                        .toList();
            }
        }
    }

    private static <B extends AwsClientBuilder<B, C>, C> B local(B builder, URI endpoint) {
        return builder.endpointOverride(endpoint)
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local")));
    }

    @Test
    void nonBlockingClientDecides() throws Exception {
        assertEquals(List.of("STORE", "STORE", "STORE"), decide(NonBlocking.class));
    }

    @Test
    void blockingClientDecides() throws Exception {
        assertEquals(List.of("STORE", "STORE"), decide(Blocking.class));
    }

    private static List<String> decide(Class<? extends Function<URI, List<Decision.Source>>> application)
            throws Exception {
        URL[] plain = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(path -> !Path.of(path).getFileName().toString().matches("micronaut-.*\\.jar"))
                .map(WithoutMicronautTest::url)
                .toArray(URL[]::new);
        try (URLClassLoader loader = new URLClassLoader(plain, ClassLoader.getPlatformClassLoader())) {
            assertThrows(ClassNotFoundException.class, () -> loader.loadClass("io.micronaut.context.BeanContext"));
            @SuppressWarnings("unchecked")
            Function<URI, List<?>> decisions = (Function<URI, List<?>>) loader.loadClass(application.getName())
                    .getDeclaredConstructor()
                    .newInstance();
            return decisions.apply(LocalDynamoDb.endpoint()).stream()
                    .map(Object::toString)
                    .toList();
        }
    }

    private static URL url(String path) {
        try {
            return new File(path).toURI().toURL();
        } catch (MalformedURLException e) {
            throw new IllegalArgumentException(path, e);
        }
    }
}
