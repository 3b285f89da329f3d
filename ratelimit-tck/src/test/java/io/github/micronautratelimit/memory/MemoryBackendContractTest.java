package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

/** Runs the suite from another package, as third parties do. */
class MemoryBackendContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest();
    }
}
