package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.hotkey.DenyCache;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.ByteCounter;
import io.github.micronautratelimit.tck.CostTable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Measures the cost of each step for the table in {@code docs/cost.adoc}. There are two members, each the backup of
 * the other. A byte counter is in front of one of them, and in front of the connection of the client to it. Each step
 * runs once on each of many keys, so that other messages between the members are negligible.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CostTest {

    private static final int KEYS = 100;
    private static final String NAMESPACE = "cost";

    private final CountedCluster cluster = new CountedCluster();
    private final CostTable table = new CostTable(
            Path.of("../docs/cost.adoc"),
            "hazelcast",
            "Step",
            "Calls",
            "Client: bytes sent",
            "Bytes received",
            "Member and another's key: bytes sent",
            "Bytes received",
            "Member and its own key: bytes to the backup",
            "Bytes received");

    @AfterEach
    void close() {
        cluster.close();
    }

    /** Makes one call on one key. A client and members run it, each on its own keys. */
    private interface Step {

        CompletionStage<?> run(RateLimitBackend backend, String key);
    }

    @Test
    void stepsCostWhatTheGuideSays() {
        limit("token bucket", Policy.of("bucket", "2/day"));
        limit("fixed window", Policy.of("fix", "2/day fixed"));
        limit("sliding window", Policy.of("slide", "2/day sliding"));
        limit("three limits of a policy", Policy.of("three", "2/day; 9/day sliding; 9/day fixed"));
        Policy wide = Policy.of("wide", "9/day");
        Policy narrow = Policy.of("narrow", "2/day");
        Step both = (backend, key) ->
                backend.acquireAll(List.of(new PermitRequest(wide, key, 1), new PermitRequest(narrow, key, 2)));
        step("two policies: both grant", both, wide, narrow);
        step("two policies: the second denies", both, wide, narrow);
        Map<RateLimitBackend, DenyCache> caches = new ConcurrentHashMap<>();
        Function<RateLimitBackend, RateLimitBackend> cached = backend ->
                caches.computeIfAbsent(backend, one -> new DenyCache(one, MicroClock.system(), Duration.ofMinutes(1)));
        cluster.runAll((backend, key) -> cached.apply(backend).acquire(narrow, key, 1), narrow, wide);
        step(
                "denial known from the deny cache",
                (backend, key) -> cached.apply(backend).acquire(narrow, key, 1),
                narrow,
                wide);
        Policy hot = Policy.of("hot", "1000/day");
        step(
                "32 requests of a key at once: granted",
                (backend, key) -> backend.acquireBatch(hot, key, Collections.nCopies(32, 1L)),
                hot);
        step("peek", (backend, key) -> backend.peek(hot, key, 1), hot);
        step("refund", (backend, key) -> backend.refund(hot, key, 1, LimitState.LATEST), hot);
        step("block", (backend, key) -> backend.block(hot, key, 60_000_000), hot);
        step("denial of a blocked key", (backend, key) -> backend.acquire(hot, key, 1), hot);
        step("reset", (backend, key) -> backend.reset(hot, key), hot);
        reservations();
        slots();
        table.check();
    }

    private void limit(String name, Policy policy) {
        cluster.runAll((backend, key) -> backend.acquire(policy, key, 1), policy);
        step(name + ": granted", (backend, key) -> backend.acquire(policy, key, 1), policy);
        step(name + ": denied", (backend, key) -> backend.acquire(policy, key, 1), policy);
    }

    private void reservations() {
        Policy tokens = Policy.of("tokens", "1000/day");
        UUID id = new UUID(5, 6);
        Map<String, Long> chargedAt = new ConcurrentHashMap<>();
        step(
                "reservation",
                (backend, key) -> backend.reserve(tokens, key, id, 10, 60_000_000)
                        .thenAccept(decision -> chargedAt.put(key, ((Decision.Allowed) decision).chargedAtMicros())),
                tokens);
        step("charge beside a reservation", (backend, key) -> backend.acquire(tokens, key, 1), tokens);
        step(
                "settlement",
                (backend, key) -> {
                    long at = chargedAt.get(key);
                    return backend.settle(tokens, key, new Reservation.Receipt(id, 10, at, at + 60_000_000), 7)
                            .thenAccept(settlement -> assertEquals(Reservation.Outcome.SETTLED, settlement.outcome()));
                },
                tokens);
    }

    private void slots() {
        Policy jobs = Policy.of("jobs", "1 concurrent");
        UUID holder = new UUID(1, 2);
        step("slot: acquired", (backend, key) -> backend.concurrency().acquire(jobs, key, holder), jobs);
        step("slot: denied", (backend, key) -> backend.concurrency().acquire(jobs, key, new UUID(3, 4)), jobs);
        step("slot: renewed", (backend, key) -> backend.concurrency().renew(jobs, key, holder), jobs);
        step("slot: released", (backend, key) -> backend.concurrency().release(jobs, key, holder), jobs);
    }

    private void step(String name, Step step, Policy... policies) {
        CountedCluster.Cost client = cluster.client(step, policies);
        CountedCluster.Cost other = cluster.member(step, policies);
        CountedCluster.Cost own = cluster.owner(step, policies);
        assertEquals(List.of(client.calls(), client.calls()), List.of(other.calls(), own.calls()), name);
        table.row(
                name,
                client.calls(),
                CostTable.about(client.sent()),
                CostTable.about(client.received()),
                CostTable.about(other.sent()),
                CostTable.about(other.received()),
                CostTable.about(own.received()),
                CostTable.about(own.sent()));
    }

    /**
     * Two members and a client. The members see each other behind byte counters, whichever of them opens the
     * connection, and the connection of the client to the second member has a counter of its own.
     */
    private static final class CountedCluster implements AutoCloseable {

        /** The average of a key. */
        record Cost(long calls, long sent, long received) {}

        private final List<Integer> ports = Cluster.freePorts(2);
        private final ByteCounter toFront = new ByteCounter(ports.get(0));
        private final ByteCounter toBehind = new ByteCounter(ports.get(1));
        private final ByteCounter fromClient = new ByteCounter(ports.get(1));
        private final Cluster plain = new Cluster(1);
        private final HazelcastInstance behind = member(1);
        private final HazelcastInstance front = member(0);
        private final HazelcastInstance client = plain.client(
                config -> config.getNetworkConfig().setAddresses(List.of("127.0.0.1:" + fromClient.port())));
        private final HazelcastBackend asClient;
        private final HazelcastBackend asMember;
        private final HazelcastBackend asOwner;

        CountedCluster() {
            assertEquals(2, front.getCluster().getMembers().size());
            new HazelcastBackend(behind, NAMESPACE).close();
            front.getMap("settled").put("once", "");
            while (!front.getPartitionService().isClusterSafe()
                    || !behind.getPartitionService().isClusterSafe()) {
                LockSupport.parkNanos(1_000_000);
            }
            asOwner = new HazelcastBackend(CountedMaps.of(behind), NAMESPACE);
            asMember = new HazelcastBackend(CountedMaps.of(front), NAMESPACE);
            asClient = new HazelcastBackend(CountedMaps.of(client), NAMESPACE);
        }

        private HazelcastInstance member(int index) {
            List<Integer> visible = List.of(toFront.port(), toBehind.port());
            return Hazelcast.newHazelcastInstance(plain.configAt(
                    ports.get(index),
                    "127.0.0.1:" + visible.get(index),
                    visible.stream().map(port -> "127.0.0.1:" + port).toList()));
        }

        /** Returns keys of a caller that the member behind the counter owns under each of the policies. */
        private List<String> keys(String caller, Policy... policies) {
            return IntStream.iterate(0, i -> i + 1)
                    .mapToObj(i -> caller + i)
                    .filter(key -> Stream.of(policies).allMatch(policy -> front.getPartitionService()
                            .getPartition(entry(policy, key))
                            .getOwner()
                            .getUuid()
                            .equals(behind.getLocalEndpoint().getUuid())))
                    .limit(KEYS)
                    .toList();
        }

        private static String entry(Policy policy, String key) {
            return policy.name() + ":" + KeyHash.brief(key) + (policy.concurrency() == null ? "" : ":c");
        }

        void runAll(Step step, Policy... policies) {
            client(step, policies);
            member(step, policies);
            owner(step, policies);
        }

        Cost client(Step step, Policy... policies) {
            return cost(asClient, fromClient::sent, fromClient::received, step, keys("c", policies));
        }

        Cost member(Step step, Policy... policies) {
            return cost(asMember, this::fromFront, this::fromBehind, step, keys("m", policies));
        }

        Cost owner(Step step, Policy... policies) {
            return cost(asOwner, this::fromFront, this::fromBehind, step, keys("o", policies));
        }

        private long fromFront() {
            return toBehind.sent() + toFront.received();
        }

        private long fromBehind() {
            return toBehind.received() + toFront.sent();
        }

        private static Cost cost(
                RateLimitBackend backend, LongSupplier sent, LongSupplier received, Step step, List<String> keys) {
            long callsBefore = CountedMaps.calls();
            long sentBefore = sent.getAsLong();
            long receivedBefore = received.getAsLong();
            for (String key : keys) {
                step.run(backend, key).toCompletableFuture().join();
            }
            return new Cost(
                    (CountedMaps.calls() - callsBefore) / KEYS,
                    (sent.getAsLong() - sentBefore) / KEYS,
                    (received.getAsLong() - receivedBefore) / KEYS);
        }

        @Override
        public void close() {
            asClient.close();
            asMember.close();
            asOwner.close();
            plain.close();
            front.getLifecycleService().terminate();
            behind.getLifecycleService().terminate();
            toFront.close();
            toBehind.close();
            fromClient.close();
        }
    }
}
