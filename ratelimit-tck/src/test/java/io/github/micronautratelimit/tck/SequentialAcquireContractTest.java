package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryUnderTest;

/** A backend passes the suite without any optional method. */
class SequentialAcquireContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest() {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                return new SequentialBackend(super.connect(clock));
            }

            @Override
            public boolean atomicAcrossKeys() {
                return false;
            }

            @Override
            public boolean blocksKeys() {
                return false;
            }

            @Override
            public boolean keepsReservations() {
                return false;
            }

            @Override
            public boolean keepsRecords() {
                return false;
            }
        };
    }
}
