package io.github.micronautratelimit.hazelcast;

import java.util.List;

import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.LeaseContract;

/** The application's instances are the members: most keys belong to another one, and have a backup. */
class ThreeMembersLeaseTest extends LeaseContract {

    private static final List<HazelcastInstance> INSTANCES = HazelcastUnderTest.counted(new Cluster(3).members(3));

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES);
    }
}
