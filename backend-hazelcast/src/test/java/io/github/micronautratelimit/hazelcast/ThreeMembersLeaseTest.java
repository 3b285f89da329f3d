package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.LeaseContract;
import java.util.List;

/** Runs the contract with the application's instances as members: most keys have another owner, and all a backup. */
class ThreeMembersLeaseTest extends LeaseContract {

    private static final List<HazelcastInstance> INSTANCES = HazelcastUnderTest.counted(new Cluster(3).members(3));

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES);
    }
}
