package io.github.micronautratelimit;

import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Singleton;

/** Replaces the clock in the tests of this module, unless they really wait. Time moves only when a test advances it. */
@Factory
@Requires(property = "clock", notEquals = "real")
class TestClock {

    /** A full hour on a Sunday. */
    private static final long START = 1_795_305_600_000_000L;

    @Singleton
    @Replaces(MicroClock.class)
    VirtualClock clock() {
        return new VirtualClock(START);
    }
}
