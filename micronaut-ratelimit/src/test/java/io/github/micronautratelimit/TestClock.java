package io.github.micronautratelimit;

import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Replaces;
import jakarta.inject.Singleton;

/** In every test of this module time stands still until the test moves it. */
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
