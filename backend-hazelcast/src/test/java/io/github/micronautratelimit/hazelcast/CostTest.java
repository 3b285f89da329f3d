package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.DenyCache;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.ByteCounter;
import io.github.micronautratelimit.tck.CostTable;

/**
 * What each step costs: the table of {@code docs/cost.adoc}. Of two members, each other's backup, one is behind a counter of
 * bytes; so is the client's connection to it. Each step is taken once on each of many keys, so that what members tell each other
 * besides makes no difference.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CostTest {

    private static final int KEYS = 100;
    private static final String NAMESPACE = "cost";

    private final CountedCluster cluster = new CountedCluster();
    private final CostTable table = new CostTable(Path.of("../docs/cost.adoc"), "hazelcast", "Step", "Calls",
            "Client: bytes there", "Bytes back", "Member and another's key: bytes there", "Bytes back",
            "Member and its own key: bytes to the backup", "Bytes back");

    @AfterEach
    void close() {
        cluster.close();
    }

    /** Asks on each of many keys; the same for a client and members, each with keys of its own. */
    private interface Asking {

        CompletionStage<?> about(RateLimitBackend backend, String key);
    }

    @Test
    void everyStepCostsWhatTheGuideSays() {
        limit("token bucket", Policy.of("bucket", "2/day"));
        limit("fixed window", Policy.of("fix", "2/day fixed"));
        limit("sliding window", Policy.of("slide", "2/day sliding"));
        limit("three limits of a policy", Policy.of("three", "2/day; 9/day sliding; 9/day fixed"));
        Policy wide = Policy.of("wide", "9/day");
        Policy narrow = Policy.of("narrow", "2/day");
        Asking both = (backend, key) -> backend.acquireAll(List.of(new Ask(wide, key, 1), new Ask(narrow, key, 2)));
        step("two policies: both grant", both, wide, narrow);
        step("two policies: the second denies", both, wide, narrow);
        Map<RateLimitBackend, DenyCache> caches = new ConcurrentHashMap<>();
        Function<RateLimitBackend, RateLimitBackend> cached = backend -> caches.computeIfAbsent(backend,
                one -> new DenyCache(one, MicroClock.system(), Duration.ofMinutes(1)));
        cluster.askAll((backend, key) -> cached.apply(backend).acquire(narrow, key, 1), narrow, wide);
        step("denial known from the deny cache", (backend, key) -> cached.apply(backend).acquire(narrow, key, 1), narrow, wide);
        Policy hot = Policy.of("hot", "1000/day");
        step("32 requests of a key at once: granted",
                (backend, key) -> backend.acquireEach(hot, key, Collections.nCopies(32, 1L)), hot);
        step("peek", (backend, key) -> backend.peek(hot, key, 1), hot);
        step("refund", (backend, key) -> backend.refund(hot, key, 1), hot);
        step("block", (backend, key) -> backend.block(hot, key, 60_000_000), hot);
        step("denial of a blocked key", (backend, key) -> backend.acquire(hot, key, 1), hot);
        step("reset", (backend, key) -> backend.reset(hot, key), hot);
        places();
        table.check();
    }

    private void limit(String name, Policy policy) {
        cluster.askAll((backend, key) -> backend.acquire(policy, key, 1), policy);
        step(name + ": granted", (backend, key) -> backend.acquire(policy, key, 1), policy);
        step(name + ": denied", (backend, key) -> backend.acquire(policy, key, 1), policy);
    }

    private void places() {
        Policy jobs = Policy.of("jobs", "1 concurrent");
        UUID holder = new UUID(1, 2);
        step("place: taken", (backend, key) -> backend.leases().acquire(jobs, key, holder), jobs);
        step("place: denied", (backend, key) -> backend.leases().acquire(jobs, key, new UUID(3, 4)), jobs);
        step("place: renewed", (backend, key) -> backend.leases().renew(jobs, key, holder), jobs);
        step("place: given back", (backend, key) -> backend.leases().release(jobs, key, holder), jobs);
    }

    private void step(String name, Asking asking, Policy... policies) {
        CountedCluster.Cost client = cluster.client(asking, policies);
        CountedCluster.Cost other = cluster.member(asking, policies);
        CountedCluster.Cost own = cluster.owner(asking, policies);
        assertEquals(List.of(client.calls(), client.calls()), List.of(other.calls(), own.calls()), name);
        table.row(name, client.calls(), CostTable.about(client.sent()), CostTable.about(client.received()),
                CostTable.about(other.sent()), CostTable.about(other.received()),
                CostTable.about(own.received()), CostTable.about(own.sent()));
    }

    /** A member with a client, and one that it talks to through a counter, as the client does. */
    private static final class CountedCluster implements AutoCloseable {

        /** Of one key, on average. */
        record Cost(long calls, long sent, long received) {
        }

        private final List<Integer> ports = Cluster.freePorts(2);
        private final ByteCounter toMember = new ByteCounter(ports.get(1));
        private final ByteCounter fromClient = new ByteCounter(ports.get(1));
        private final Cluster plain = new Cluster(1);
        private final HazelcastInstance behind = member(1);
        private final HazelcastInstance front = member(0);
        private final HazelcastInstance client = plain.client(config -> config.getNetworkConfig()
                .setAddresses(List.of("127.0.0.1:" + fromClient.port())));
        private final HazelcastBackend asClient;
        private final HazelcastBackend asMember;
        private final HazelcastBackend asOwner;

        CountedCluster() {
            assertEquals(2, front.getCluster().getMembers().size());
            new HazelcastBackend(behind, NAMESPACE).close();
            front.getMap("settled").put("once", "");
            while (!front.getPartitionService().isClusterSafe() || !behind.getPartitionService().isClusterSafe()) {
                LockSupport.parkNanos(1_000_000);
            }
            asOwner = new HazelcastBackend(CountedMaps.of(behind), NAMESPACE);
            asMember = new HazelcastBackend(CountedMaps.of(front), NAMESPACE);
            asClient = new HazelcastBackend(CountedMaps.of(client), NAMESPACE);
        }

        private HazelcastInstance member(int place) {
            List<Integer> seen = List.of(ports.get(0), toMember.port());
            return Hazelcast.newHazelcastInstance(plain.configAt(ports.get(place),
                    "127.0.0.1:" + seen.get(place), seen.stream().map(port -> "127.0.0.1:" + port).toList()));
        }

        /** The keys of a caller that the member behind the counter owns, under each of the policies. */
        private List<String> keys(String caller, Policy... policies) {
            return IntStream.iterate(0, i -> i + 1).mapToObj(i -> caller + i).filter(key -> Stream.of(policies)
                    .allMatch(policy -> front.getPartitionService().getPartition(entry(policy, key)).getOwner()
                            .getUuid().equals(behind.getLocalEndpoint().getUuid())))
                    .limit(KEYS).toList();
        }

        private static String entry(Policy policy, String key) {
            return HazelcastBackend.name(policy, key) + (policy.concurrency() == null ? "" : ":c");
        }

        void askAll(Asking asking, Policy... policies) {
            client(asking, policies);
            member(asking, policies);
            owner(asking, policies);
        }

        Cost client(Asking asking, Policy... policies) {
            return cost(asClient, fromClient, asking, keys("c", policies));
        }

        Cost member(Asking asking, Policy... policies) {
            return cost(asMember, toMember, asking, keys("m", policies));
        }

        Cost owner(Asking asking, Policy... policies) {
            return cost(asOwner, toMember, asking, keys("o", policies));
        }

        private Cost cost(RateLimitBackend backend, ByteCounter wire, Asking asking, List<String> keys) {
            long calls = CountedMaps.calls();
            long sent = wire.sent();
            long received = wire.received();
            for (String key : keys) {
                asking.about(backend, key).toCompletableFuture().join();
            }
            return new Cost((CountedMaps.calls() - calls) / KEYS, (wire.sent() - sent) / KEYS,
                    (wire.received() - received) / KEYS);
        }

        @Override
        public void close() {
            asClient.close();
            asMember.close();
            asOwner.close();
            plain.close();
            front.getLifecycleService().terminate();
            behind.getLifecycleService().terminate();
            toMember.close();
            fromClient.close();
        }
    }
}
