package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;

/** The guard before a store that is easily broken. */
class FaultTest extends FaultContract {

    @Override
    protected FaultyStore open() {
        return new FaultyMemory();
    }
}
