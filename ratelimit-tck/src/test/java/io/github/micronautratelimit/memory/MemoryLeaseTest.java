package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.LeaseContract;

class MemoryLeaseTest extends LeaseContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest();
    }
}
