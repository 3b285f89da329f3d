package io.github.micronautratelimit.tck;

import java.util.List;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryUnderTest;

/** A store that cannot decide on several keys at once passes too: it asks them in turn and gives back. */
class InTurnBackendContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest() {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                return new BrokenBackend(super.connect(clock)) {

                    @Override
                    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
                        return inTurn(asks);
                    }
                };
            }

            @Override
            public boolean atomicAcrossKeys() {
                return false;
            }
        };
    }
}
