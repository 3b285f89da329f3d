package io.github.micronautratelimit.test;

import io.micronaut.context.annotation.Property;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Makes limits predictable in a test class, beside {@code @MicronautTest}. The limiter reads a {@link TestClock}, which
 * advances only when the test moves it. Before each test, the clock is set back, and the memory backend forgets all
 * permits, slots and blocks.
 *
 * <p>A store such as Redis reads its own clock and keeps its keys, so a test on a store sees neither effect.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@Property(name = RateLimitTest.ENABLED, value = "true")
public @interface RateLimitTest {

    /** The property that enables the beans of this module. */
    String ENABLED = "test.ratelimit.enabled";

    /**
     * Returns the time at which each test begins, for limits such as {@code 10/day fixed}.
     *
     * @return an instant (ISO 8601)
     */
    String time() default "2030-01-01T12:00:00Z";

    /**
     * Returns whether the limits are fresh before each test.
     *
     * @return {@code false} if the tests of the class build on each other
     */
    boolean reset() default true;
}
