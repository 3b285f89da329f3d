package io.github.micronautratelimit.management;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Replaces;
import jakarta.inject.Singleton;

/** Replaces the clock in every test of this module. Time passes only if a test moves the clock. */
@Factory
class TestClock {

    /** A Sunday, on the full hour. */
    private static final long START = 1_795_305_600_000_000L;

    @Singleton
    @Replaces(MicroClock.class)
    VirtualClock clock() {
        return new VirtualClock(START);
    }
}
