package io.github.micronautratelimit.tck;

class GoldenTraceTest extends GoldenTraceContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest();
    }
}
