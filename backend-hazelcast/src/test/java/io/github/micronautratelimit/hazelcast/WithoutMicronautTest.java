package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Policy;

/** The backend works where no class of Micronaut is. */
class WithoutMicronautTest {

    @Test
    void aDecisionNeedsNoMicronaut() throws Exception {
        URL[] classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("/io/micronaut/")).map(WithoutMicronautTest::url).toArray(URL[]::new);
        try (URLClassLoader loader = new URLClassLoader(classPath, ClassLoader.getPlatformClassLoader())) {
            assertThrows(ClassNotFoundException.class,
                    () -> Class.forName("io.micronaut.context.BeanContext", false, loader));
            Thread thread = Thread.currentThread();
            ClassLoader before = thread.getContextClassLoader();
            thread.setContextClassLoader(loader);
            try {
                Object remaining = Class.forName(Standalone.class.getName(), true, loader)
                        .getMethod("remaining").invoke(null);
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

    /** An application without Micronaut. */
    public static final class Standalone {

        private Standalone() {
        }

        /** What is left of 10 permits when one was taken. */
        public static long remaining() {
            try (Cluster cluster = new Cluster(1);
                 HazelcastBackend backend = new HazelcastBackend(cluster.member(), "standalone")) {
                return backend.acquire(Policy.of("p", "10/day"), "key", 1)
                        .toCompletableFuture().join().remaining();
            }
        }
    }
}
