package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultInjectingBackend;
import io.github.micronautratelimit.tck.FaultyStore;
import java.time.Duration;

/** Simulated faults in front of the memory backend. */
class FaultTest extends FaultContract {

    @Override
    protected FaultyStore open() {
        return new FaultInjectingBackend(new MemoryBackend(), Duration.ofMillis(500));
    }
}
