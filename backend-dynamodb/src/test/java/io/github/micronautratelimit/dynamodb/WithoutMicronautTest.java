package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.File;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** The backend in an application that has no class of Micronaut's. */
class WithoutMicronautTest {

    /** Runs in a class loader of its own. */
    public static final class Plain implements Function<URI, List<Long>> {

        @Override
        public List<Long> apply(URI endpoint) {
            try (DynamoDbClient client = DynamoDbClient.builder().endpointOverride(endpoint).region(Region.EU_CENTRAL_1)
                    .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local")))
                    .httpClient(UrlConnectionHttpClient.create()).build();
                    DynamoDbBackend backend = new DynamoDbBackend(client, Runnable::run, LocalDynamoDb.TABLE, "plain")) {
                Policy policy = Policy.of("p", "5/day fixed");
                backend.reset(policy, "key").toCompletableFuture().join();
                return List.of(backend.acquireBlocking(policy, "key", 2), backend.acquireBlocking(policy, "key", 2)).stream()
                        .map(Decision::remaining).toList();
            }
        }
    }

    @Test
    void decidesWithNoClassOfMicronauts() throws Exception {
        URL[] plain = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(path -> !Path.of(path).getFileName().toString().matches("micronaut-.*\\.jar"))
                .map(WithoutMicronautTest::url).toArray(URL[]::new);
        try (URLClassLoader loader = new URLClassLoader(plain, ClassLoader.getPlatformClassLoader())) {
            assertThrows(ClassNotFoundException.class, () -> loader.loadClass("io.micronaut.context.BeanContext"));
            @SuppressWarnings("unchecked")
            Function<URI, List<Long>> decides = (Function<URI, List<Long>>)
                    loader.loadClass(Plain.class.getName()).getDeclaredConstructor().newInstance();
            assertEquals(List.of(3L, 1L), decides.apply(LocalDynamoDb.endpoint()));
        }
    }

    private static URL url(String path) {
        try {
            return new File(path).toURI().toURL();
        } catch (java.net.MalformedURLException e) {
            throw new IllegalArgumentException(path, e);
        }
    }
}
