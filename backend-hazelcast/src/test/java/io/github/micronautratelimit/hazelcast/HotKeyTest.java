package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.hotkey.Coalescer;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.HotKeyContract;
import java.time.Duration;
import java.util.List;

/** Runs the contract with coalesced calls, as in an application. Two instances are members, and two are clients. */
class HotKeyTest extends HotKeyContract {

    private static final List<HazelcastInstance> INSTANCES = HazelcastUnderTest.counted(twoMembersAndTwoClients());

    private static List<HazelcastInstance> twoMembersAndTwoClients() {
        Cluster cluster = new Cluster(2);
        return List.of(cluster.member(), cluster.member(), cluster.client(), cluster.client());
    }

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES) {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                return new Coalescer(super.connect(clock), Duration.ofMinutes(1));
            }
        };
    }
}
