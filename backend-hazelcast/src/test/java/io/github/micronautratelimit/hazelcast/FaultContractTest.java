package io.github.micronautratelimit.hazelcast;

import java.time.Duration;

import org.junit.jupiter.api.AfterAll;

import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;
import io.github.micronautratelimit.tck.FaultyWire;

/** What a client sees of a member that fails: in a process of its own, which is stopped; else, the wire is faulty. */
class FaultContractTest extends FaultContract {

    private static final Duration DEADLINE = Duration.ofMillis(500);
    private static final Cluster CLUSTER = new Cluster(1);
    private static final ForkedMember MEMBER =
            ForkedMember.withLibrary(CLUSTER.name(), CLUSTER.port(0), CLUSTER.ports());
    private static final HazelcastInstance CLIENT = CLUSTER.client();

    @AfterAll
    static void stop() {
        CLUSTER.close();
        MEMBER.close();
    }

    @Override
    protected FaultyStore open() {
        HazelcastBackend backend = new HazelcastBackend(CLIENT, "faulty");
        backend.acquire(Policy.of("first", "1/s"), "key", 1).toCompletableFuture().join();
        return new Stoppable(new FaultyWire(backend, DEADLINE));
    }

    private record Stoppable(FaultyWire wire) implements FaultyStore {

        @Override
        public RateLimitBackend backend() {
            return wire.backend();
        }

        @Override
        public void inject(Fault fault) {
            if (fault == Fault.HUNG) {
                MEMBER.signal("STOP");
            } else {
                wire.inject(fault);
            }
        }

        @Override
        public void heal() {
            MEMBER.signal("CONT");
            wire.heal();
        }

        @Override
        public void close() {
            wire.close();
        }
    }
}
