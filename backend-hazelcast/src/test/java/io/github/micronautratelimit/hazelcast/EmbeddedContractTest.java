package io.github.micronautratelimit.hazelcast;

import java.util.List;

import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

/** The application is the only member. */
class EmbeddedContractTest extends RateLimitBackendContract {

    static final List<HazelcastInstance> INSTANCES =
            HazelcastUnderTest.counted(List.of(new Cluster(1).member()));

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES);
    }
}
