package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryBackend;

/** The memory backend: several callers see the same keys through clocks of their own. */
class MemoryUnderTest implements BackendUnderTest {

    private final MemoryBackend keys;

    MemoryUnderTest() {
        this(new MemoryBackend());
    }

    MemoryUnderTest(MemoryBackend keys) {
        this.keys = keys;
    }

    @Override
    public RateLimitBackend connect(MicroClock clock) {
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
        return keys.liveKeys();
    }

    @Override
    public boolean atomicAcrossKeys() {
        return true;
    }
}
