package io.github.micronautratelimit.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;

import org.junit.jupiter.api.Test;

import io.micronaut.context.ApplicationContext;

/** An application whose class path lacks micronaut-management. */
class DashboardNeedsManagementTest {

    private static final class WithoutManagement extends ClassLoader {

        WithoutManagement(ClassLoader parent) {
            super(parent);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith("io.micronaut.management.")) {
                throw new ClassNotFoundException(name);
            }
            return super.loadClass(name, resolve);
        }
    }

    private ApplicationContext start(Map<String, Object> properties) {
        return ApplicationContext.builder("test")
                .classLoader(new WithoutManagement(getClass().getClassLoader())).properties(properties).start();
    }

    @Test
    void aPageThatCannotBeThereStopsTheStart() {
        Throwable refused = assertThrows(RuntimeException.class, () -> start(Map.of("ratelimit.dashboard.enabled", "true")).close());
        while (refused.getCause() != null) {
            refused = refused.getCause();
        }
        assertEquals("ratelimit.dashboard.enabled = \"true\": the live page is a management endpoint; add the dependency "
                + "io.micronaut:micronaut-management, or leave this setting out.", refused.getMessage());
    }

    @Test
    void withoutThePageNothingIsMissed() {
        try (ApplicationContext context = start(Map.of())) {
            assertTrue(context.isRunning());
        }
    }
}
