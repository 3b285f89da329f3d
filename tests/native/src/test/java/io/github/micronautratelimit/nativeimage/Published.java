package io.github.micronautratelimit.nativeimage;

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

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend;
import io.github.micronautratelimit.hazelcast.HazelcastBackend;
import io.github.micronautratelimit.redis.RedisBackend;
import io.github.micronautratelimit.servlet.RateLimitFilter;
import io.github.micronautratelimit.tck.RateLimitBackendContract;
import io.github.micronautratelimit.web.DenialAnswers;

/**
 * A module as it is published: the folder its classes were compiled to, or its jar.
 *
 * @param artifact its artifact's id
 * @param root     holds its files
 */
record Published(String artifact, Path root) {

    static final String GROUP = "io.github.micronautratelimit";

    private static final Map<String, Class<?>> ONE_OF_EACH = new TreeMap<>(Map.of(
            "ratelimit-core", RateLimiter.class,
            "ratelimit-tck", RateLimitBackendContract.class,
            "ratelimit-web", DenialAnswers.class,
            "micronaut-ratelimit", RateLimit.class,
            "ratelimit-servlet", RateLimitFilter.class,
            "micronaut-ratelimit-redis", RedisBackend.class,
            "micronaut-ratelimit-hazelcast", HazelcastBackend.class,
            "micronaut-ratelimit-dynamodb", DynamoDbBackend.class));

    static List<Published> all() {
        return ONE_OF_EACH.entrySet().stream().map(one -> new Published(one.getKey(), rootOf(one.getValue()))).toList();
    }

    static Path rootOf(Class<?> type) {
        try {
            Path place = Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
            return Files.isDirectory(place) ? place : FileSystems.newFileSystem(place).getPath("/");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<Path> classes() {
        return filesUnder(root).stream().filter(file -> file.toString().endsWith(".class")).toList();
    }

    /** Names of all other files as a class loader takes them, with slashes and none at the beginning. */
    List<String> resources() {
        return filesUnder(root).stream().map(this::name).filter(name -> !name.endsWith(".class")).toList();
    }

    /** The folder a native image looks for its metadata in. */
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
