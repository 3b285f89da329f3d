package io.github.micronautratelimit.test;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.Requires;
import io.micronaut.test.context.TestContext;
import io.micronaut.test.context.TestExecutionListener;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import org.jspecify.annotations.Nullable;

/** Sets the clock and removes all keys from memory before each test of a {@link RateLimitTest}. */
@Singleton
@Requires(property = RateLimitTest.ENABLED, value = "true")
final class FreshLimits implements TestExecutionListener {

    private final TestClock clock;
    private final @Nullable MemoryBackend memory;

    FreshLimits(TestClock clock, @Nullable MemoryBackend memory) {
        this.clock = clock;
        this.memory = memory;
    }

    @Override
    public void beforeTestMethod(TestContext test) {
        RateLimitTest annotation = annotationOf(test.getTestClass());
        if (annotation == null || !annotation.reset()) {
            return;
        }
        if (memory != null) {
            memory.clear();
        }
        clock.set(time(annotation.time()));
    }

    /** A nested test class has the annotation of the class around it. */
    private static @Nullable RateLimitTest annotationOf(@Nullable Class<?> test) {
        for (Class<?> type = test; type != null; type = type.getEnclosingClass()) {
            RateLimitTest found = type.getAnnotation(RateLimitTest.class);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static Instant time(String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(
                    "@RateLimitTest(time = \"" + text
                            + "\") is not an instant; write one like \"2030-01-01T12:00:00Z\".",
                    e);
        }
    }
}
