package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tests that the backend works without Micronaut and the Micronaut module on the class path. */
class WithoutMicronautTest {

    @Test
    void plainJavaNeedsOneExpression() throws Exception {
        String module = RateLimitConfiguration.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toString();
        URL[] classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("/io/micronaut/"))
                .map(WithoutMicronautTest::url)
                .filter(url -> !url.toString().equals(module))
                .toArray(URL[]::new);
        try (URLClassLoader loader = new URLClassLoader(classPath, ClassLoader.getPlatformClassLoader())) {
            for (String absent : List.of("io.micronaut.context.BeanContext", RateLimitConfiguration.class.getName())) {
                assertThrows(ClassNotFoundException.class, () -> Class.forName(absent, false, loader));
            }
            Thread thread = Thread.currentThread();
            ClassLoader before = thread.getContextClassLoader();
            thread.setContextClassLoader(loader);
            try {
                Object remaining = Class.forName(Standalone.class.getName(), true, loader)
                        .getMethod("remaining")
                        .invoke(null);
                assertEquals(9L, remaining);
            } finally {
                thread.setContextClassLoader(before);
            }
        }
    }

    private static URL url(String entry) {
        try {
            return new File(entry).toURI().toURL();
        } catch (MalformedURLException e) {
            throw new AssertionError(e);
        }
    }

    /** A plain Java application. */
    public static final class Standalone {

        private Standalone() {}

        /** Returns the permits that remain of 10 after a request. */
        public static long remaining() {
            try (Cluster cluster = new Cluster(1)) {
                HazelcastInstance hazelcast = cluster.member();
                // tag::limiter[]
                RateLimiter limiter =
                        RateLimiter.builder(new HazelcastBackend(hazelcast)).build();
                // end::limiter[]
                try (limiter) {
                    return limiter.tryAcquire(Policy.of("p", "10/day"), "key").remaining();
                }
            }
        }
    }
}
