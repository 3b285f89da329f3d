package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultInjectingBackend;
import io.github.micronautratelimit.tck.FaultyStore;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;

/**
 * Runs the contract on a client. The member is in another process, which is frozen; other faults are injected into
 * calls.
 */
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
        backend.acquire(Policy.of("first", "1/s"), "key", 1)
                .toCompletableFuture()
                .join();
        return new MemberOrCallFaults(new FaultInjectingBackend(backend, DEADLINE));
    }

    private record MemberOrCallFaults(FaultInjectingBackend calls) implements FaultyStore {

        @Override
        public RateLimitBackend backend() {
            return calls.backend();
        }

        @Override
        public void inject(Fault fault) {
            if (fault == Fault.HUNG) {
                MEMBER.signal("STOP");
            } else {
                calls.inject(fault);
            }
        }

        @Override
        public void heal() {
            MEMBER.signal("CONT");
            calls.heal();
        }

        @Override
        public void close() {
            calls.close();
        }
    }
}
