package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.hotkey.Coalescer;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;
import java.time.Duration;

/** Coalescing changes no decision. */
class CoalescerContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest() {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                return new Coalescer(super.connect(clock), Duration.ofMinutes(1));
            }
        };
    }
}
