package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultInjectingBackend;
import io.github.micronautratelimit.tck.FaultyStore;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;

/**
 * Runs the contract on clients. Each case has a member to itself, in another process, which is frozen; other faults are
 * injected into calls.
 */
class FaultContractTest extends FaultContract {

    private static final Duration DEADLINE = Duration.ofMillis(500);
    /** The members, and so the cases that run concurrently. */
    private static final int MEMBERS = 4;

    private static final List<Member> ALL =
            Stream.generate(Member::start).limit(MEMBERS).toList();
    private static final BlockingQueue<Member> IDLE = new LinkedBlockingQueue<>(ALL);

    @AfterAll
    static void stop() {
        ALL.forEach(Member::close);
    }

    @Override
    protected FaultyStore open() {
        Member member = takeIdle();
        HazelcastBackend backend = new HazelcastBackend(member.client, "faulty");
        backend.acquire(Policy.of("first", "1/s"), "key", 1)
                .toCompletableFuture()
                .join();
        return new MemberOrCallFaults(member, new FaultInjectingBackend(backend, DEADLINE));
    }

    private static Member takeIdle() {
        try {
            return IDLE.take();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private record Member(Cluster cluster, ForkedMember process, HazelcastInstance client) {

        static Member start() {
            Cluster cluster = new Cluster(1);
            ForkedMember process = ForkedMember.withLibrary(cluster.name(), cluster.port(0), cluster.ports());
            return new Member(cluster, process, cluster.client());
        }

        void close() {
            cluster.close();
            process.close();
        }
    }

    private record MemberOrCallFaults(Member member, FaultInjectingBackend calls) implements FaultyStore {

        @Override
        public RateLimitBackend backend() {
            return calls.backend();
        }

        @Override
        public void inject(Fault fault) {
            if (fault == Fault.HUNG) {
                member.process.signal("STOP");
            } else {
                calls.inject(fault);
            }
        }

        @Override
        public void heal() {
            member.process.signal("CONT");
            calls.heal();
        }

        @Override
        public void close() {
            calls.close();
            IDLE.add(member);
        }
    }
}
