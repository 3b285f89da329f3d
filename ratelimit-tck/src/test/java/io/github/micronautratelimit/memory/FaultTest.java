package io.github.micronautratelimit.memory;

import java.time.Duration;

import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;
import io.github.micronautratelimit.tck.FaultyWire;

/** The guard before a store that is easily broken. */
class FaultTest extends FaultContract {

    @Override
    protected FaultyStore open() {
        return new FaultyWire(new MemoryBackend(), Duration.ofMillis(500));
    }
}
