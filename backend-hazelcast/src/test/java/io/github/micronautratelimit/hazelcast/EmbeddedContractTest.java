package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;
import java.util.List;

/** Runs the contract with the application as the only member. */
class EmbeddedContractTest extends RateLimitBackendContract {

    static final List<HazelcastInstance> INSTANCES = HazelcastUnderTest.counted(List.of(new Cluster(1).member()));

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES);
    }
}
