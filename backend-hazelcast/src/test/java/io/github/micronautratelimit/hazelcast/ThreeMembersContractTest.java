package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;
import java.util.List;
import org.junit.jupiter.api.Tag;

/** Runs the contract with the application's instances as members: most keys have another owner, and all a backup. */
@Tag("matrix")
class ThreeMembersContractTest extends RateLimitBackendContract {

    private static final List<HazelcastInstance> INSTANCES = HazelcastUnderTest.counted(new Cluster(3).members(3));

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES);
    }
}
