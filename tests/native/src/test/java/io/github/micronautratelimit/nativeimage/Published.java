package io.github.micronautratelimit.nativeimage;

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend;
import io.github.micronautratelimit.grpc.RateLimitClientInterceptor;
import io.github.micronautratelimit.hazelcast.HazelcastBackend;
import io.github.micronautratelimit.management.DashboardConfiguration;
import io.github.micronautratelimit.redis.RedisBackend;
import io.github.micronautratelimit.servlet.RateLimitFilter;
import io.github.micronautratelimit.tck.RateLimitBackendContract;
import io.github.micronautratelimit.web.DenialResponses;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A published module: the folder of its compiled classes, or its jar.
 *
 * @param artifact the artifact id
 * @param root     the folder or the root of the jar
 */
record Published(String artifact, Path root) {

    static final String GROUP = "io.github.micronautratelimit";

    private static final Map<String, Class<?>> CLASSES = new TreeMap<>(Map.of(
            "ratelimit-core", RateLimiter.class,
            "ratelimit-tck", RateLimitBackendContract.class,
            "ratelimit-web", DenialResponses.class,
            "micronaut-ratelimit", RateLimit.class,
            "micronaut-ratelimit-management", DashboardConfiguration.class,
            "micronaut-ratelimit-grpc", RateLimitClientInterceptor.class,
            "ratelimit-servlet", RateLimitFilter.class,
            "micronaut-ratelimit-redis", RedisBackend.class,
            "micronaut-ratelimit-hazelcast", HazelcastBackend.class,
            "micronaut-ratelimit-dynamodb", DynamoDbBackend.class));

    static List<Published> all() {
        return CLASSES.entrySet().stream()
                .map(entry -> new Published(entry.getKey(), rootOf(entry.getValue())))
                .toList();
    }

    static Path rootOf(Class<?> type) {
        try {
            Path location = Path.of(
                    type.getProtectionDomain().getCodeSource().getLocation().toURI());
            return Files.isDirectory(location)
                    ? location
                    : FileSystems.newFileSystem(location).getPath("/");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<Path> classes() {
        return filesUnder(root).stream()
                .filter(file -> file.toString().endsWith(".class"))
                .toList();
    }

    /** Returns the names of all other files, with slashes but not at the beginning, as a class loader expects them. */
    List<String> resources() {
        return filesUnder(root).stream()
                .map(this::name)
                .filter(name -> !name.endsWith(".class"))
                .toList();
    }

    /** Returns the folder of the native image metadata. */
    Path metadata() {
        return root.resolve("META-INF/native-image").resolve(GROUP).resolve(artifact);
    }

    String name(Path file) {
        return root.relativize(file).toString().replace(file.getFileSystem().getSeparator(), "/");
    }

    static List<Path> filesUnder(Path folder) {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> found = Files.walk(folder)) {
            return found.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
