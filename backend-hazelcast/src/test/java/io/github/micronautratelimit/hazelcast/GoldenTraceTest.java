package io.github.micronautratelimit.hazelcast;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.GoldenTraceContract;

class GoldenTraceTest extends GoldenTraceContract {

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(EmbeddedContractTest.INSTANCES);
    }
}
