package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import org.jspecify.annotations.Nullable;

/** The memory backend. Instances share the keys and have their own clocks. */
public class MemoryUnderTest implements BackendUnderTest {

    private static final int MAX_KEYS = 10_000;

    /** Created for the first instance, whose clock decides when keys expire. */
    private @Nullable MemoryBackend keys;

    @Override
    public RateLimitBackend connect(MicroClock clock) {
        if (keys == null) {
            keys = new MemoryBackend(clock, MAX_KEYS);
        }
        return keys.withClock(clock);
    }

    @Override
    public long roundTrips() {
        return 0;
    }

    @Override
    public long roundTripsPerDecision() {
        return 0;
    }

    @Override
    public long liveKeys() {
        return keys == null ? 0 : keys.liveKeys();
    }

    @Override
    public boolean atomicAcrossKeys() {
        return true;
    }
}
