package io.github.micronautratelimit.hazelcast;

import java.time.Duration;
import java.util.List;

import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.HotKeyContract;

/** Callers who wait for the same key share calls, as in an application; two instances are members, two are clients. */
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
