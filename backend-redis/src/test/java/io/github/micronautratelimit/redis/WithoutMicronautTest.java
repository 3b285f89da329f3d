package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Policy;
import io.lettuce.core.RedisClient;
import io.lettuce.core.codec.ByteArrayCodec;

/** The backend where no class of Micronaut is to be found. */
@NeedsRedis
class WithoutMicronautTest {

    /** What an application without Micronaut writes. */
    static final class Use implements Callable<Long> {

        private final String uri;

        Use(String uri) {
            this.uri = uri;
        }

        @Override
        public Long call() {
            try (RedisClient client = RedisClient.create(uri)) {
                RedisBackend backend = new RedisBackend(client.connect(ByteArrayCodec.INSTANCE),
                        "plain-" + UUID.randomUUID());
                return backend.acquireBlocking(Policy.of("p", "10/min"), "key", 1).remaining();
            }
        }
    }

    @Test
    void theBackendDecides() throws Exception {
        URL[] classPath = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("micronaut-") || !entry.endsWith(".jar"))
                .filter(entry -> !entry.contains("micronaut-ratelimit" + File.separator + "target"))
                .map(WithoutMicronautTest::url).toArray(URL[]::new);
        try (URLClassLoader plain = new URLClassLoader(classPath, ClassLoader.getPlatformClassLoader())) {
            assertThrows(ClassNotFoundException.class, () -> plain.loadClass("io.micronaut.context.BeanContext"));
            assertThrows(ClassNotFoundException.class,
                    () -> plain.loadClass("io.github.micronautratelimit.config.RateLimitConfiguration"));
            var constructor = plain.loadClass(Use.class.getName()).getDeclaredConstructor(String.class);
            constructor.setAccessible(true);
            assertEquals(9L, ((Callable<?>) constructor.newInstance(RedisServer.uri())).call());
        }
    }

    private static URL url(String entry) {
        try {
            return new File(entry).toURI().toURL();
        } catch (MalformedURLException e) {
            throw new AssertionError(e);
        }
    }
}
