package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.config.MapConfig;
import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.hotkey.Coalescer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests a member that freezes: with asynchronous backups, on-error only decides for the keys that it owns. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FrozenMemberTest {

    private static final Policy POLICY = Policy.of("frozen", "10/366day");
    /** Less than the 5 s for which a grant waits for a synchronous backup. */
    private static final Duration DEADLINE = Duration.ofSeconds(2);

    @Test
    void onErrorOnlyDecidesForKeysOfTheFrozenMember() {
        MapConfig async = new MapConfig("ratelimit:frozen").setBackupCount(0).setAsyncBackupCount(1);
        async.getMergePolicyConfig().setPolicy(RateLimitMergePolicy.class.getName());
        try (Cluster cluster = new Cluster(3, config -> config.addMapConfig(async))) {
            HazelcastInstance member = cluster.members(2).get(0);
            try (ForkedMember frozen = ForkedMember.withLibrary(cluster.name(), cluster.port(2), cluster.ports());
                    HazelcastBackend backend = new HazelcastBackend(member, "frozen")) {
                awaitSafe(member);
                List<String> healthy = keys(member, cluster.port(2), false, 100);
                List<String> lost = keys(member, cluster.port(2), true, 40);
                RateLimitBackend guarded = new Guard(
                        new Coalescer(backend, DEADLINE), "hazelcast", DEADLINE, 1, MicroClock.system(), failure -> {});
                assertEquals(140, count(guarded, union(healthy, lost), Decision.Source.STORE), "before");
                frozen.signal("STOP");
                assertEquals(40, count(guarded, lost, Decision.Source.FALLBACK), "keys of the frozen member");
                for (int i = 0; i < 3; i++) {
                    assertEquals(100, count(guarded, healthy, Decision.Source.STORE), "keys of the other members");
                }
                frozen.signal("CONT");
                long since = System.nanoTime();
                while (count(guarded, lost, Decision.Source.STORE) < 40) {
                    assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(90), "The member does not decide.");
                }
            }
        }
    }

    /** Acquires a permit of each key at the same time, and counts the decisions of a source. */
    private static long count(RateLimitBackend guarded, List<String> keys, Decision.Source source) {
        List<CompletableFuture<Decision>> decisions = new ArrayList<>();
        for (String key : keys) {
            decisions.add(guarded.acquire(POLICY, key, 1).toCompletableFuture());
        }
        return decisions.stream()
                .map(CompletableFuture::join)
                .filter(decision -> decision.source() == source)
                .count();
    }

    private static List<String> union(List<String> some, List<String> more) {
        List<String> all = new ArrayList<>(some);
        all.addAll(more);
        return all;
    }

    private static List<String> keys(HazelcastInstance member, int port, boolean owned, int count) {
        return IntStream.range(0, 10_000)
                .mapToObj(i -> "key " + i)
                .filter(key -> owned
                        == (member.getPartitionService()
                                        .getPartition(POLICY.name() + ":" + KeyHash.brief(key))
                                        .getOwner()
                                        .getAddress()
                                        .getPort()
                                == port))
                .limit(count)
                .toList();
    }

    private static void awaitSafe(HazelcastInstance member) {
        long since = System.nanoTime();
        while (member.getCluster().getMembers().size() < 3
                || !member.getPartitionService().isClusterSafe()) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60));
            LockSupport.parkNanos(1_000_000);
        }
    }
}
