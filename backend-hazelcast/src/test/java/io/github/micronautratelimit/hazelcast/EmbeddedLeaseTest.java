package io.github.micronautratelimit.hazelcast;

import java.util.List;

import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.LeaseContract;

/** The application is the only member. */
class EmbeddedLeaseTest extends LeaseContract {

    private static final List<HazelcastInstance> INSTANCES = HazelcastUnderTest.counted(List.of(new Cluster(1).member()));

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES);
    }
}
