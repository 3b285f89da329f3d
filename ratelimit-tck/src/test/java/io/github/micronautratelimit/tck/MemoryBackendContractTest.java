package io.github.micronautratelimit.tck;

class MemoryBackendContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest();
    }
}
