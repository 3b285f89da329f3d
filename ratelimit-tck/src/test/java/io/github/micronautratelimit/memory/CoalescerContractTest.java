package io.github.micronautratelimit.memory;

import java.time.Duration;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

/** Sharing calls changes no decision. */
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
