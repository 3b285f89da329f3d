package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;
import java.util.List;

/** Runs the contract with the application's instances as clients of two members that have this library. */
class ClientContractTest extends RateLimitBackendContract {

    private static final List<HazelcastInstance> INSTANCES = HazelcastUnderTest.counted(twoClientsOfTwoMembers());

    private static List<HazelcastInstance> twoClientsOfTwoMembers() {
        Cluster cluster = new Cluster(2);
        cluster.members(2);
        return List.of(cluster.client(), cluster.client());
    }

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES);
    }
}
