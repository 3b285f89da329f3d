package io.github.micronautratelimit.simulator;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Replaces;
import jakarta.inject.Singleton;

/** Replaces the clock of the application. Time passes only if a test moves the clock. */
@Factory
class TestClock {

    private static final long START = 1_431_000_000_000_000L;

    @Singleton
    @Replaces(MicroClock.class)
    VirtualClock clock() {
        return new VirtualClock(START);
    }
}
