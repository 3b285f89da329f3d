package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

/** From another package than the suite's, as third parties do. */
class MemoryBackendContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest();
    }
}
