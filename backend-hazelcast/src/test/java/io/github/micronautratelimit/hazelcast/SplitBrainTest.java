package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.EntryView;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests a split and a merge of a cluster: no caller gets permits back. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SplitBrainTest {

    private static final String NAMESPACE = "split";

    @Test
    void permitsSpentInEitherPartRemainSpent() {
        Policy bucket = Policy.of("bucket", "100/h");
        Policy sliding = Policy.of("sliding", "100/h sliding");
        Policy fixed = Policy.of("fixed", "100/366day fixed");
        Policy several = Policy.of("several", "100/h; 100/day sliding; 1000/366day fixed");
        List<Policy> policies = List.of(bucket, sliding, fixed, several);
        try (Cluster cluster = new Cluster(2, config -> {
            config.setProperty("hazelcast.merge.first.run.delay.seconds", "8");
            config.setProperty("hazelcast.merge.next.run.delay.seconds", "2");
        })) {
            // The second member does not look for the first. The first looks again after 8 s, and the cluster merges.
            HazelcastInstance one = cluster.member();
            HazelcastInstance other = cluster.isolatedMember();
            assertEquals(1, one.getCluster().getMembers().size());
            assertEquals(1, other.getCluster().getMembers().size());
            HazelcastBackend onePart = new HazelcastBackend(one, NAMESPACE);
            HazelcastBackend otherPart = new HazelcastBackend(other, NAMESPACE);
            RateLimiter here = RateLimiter.builder(onePart).unguarded().build();
            RateLimiter there = RateLimiter.builder(otherPart).unguarded().build();
            Policy slots = Policy.of("slots", "5 concurrent lease 1h");
            Lease heldHere = here.lease(slots, "held in both");
            Lease heldThere = there.lease(slots, "held in both");
            for (Policy policy : policies) {
                here.acquireOrThrow(policy, "more here", 90);
                there.acquireOrThrow(policy, "more here", 20);
                here.acquireOrThrow(policy, "more there", 20);
                there.acquireOrThrow(policy, "more there", 90);
                here.acquireOrThrow(policy, "only here", 90);
                there.acquireOrThrow(policy, "only there", 90);
            }
            for (HazelcastInstance part : List.of(one, other)) {
                putUnreadable(part.getMap("ratelimit:" + NAMESPACE), part == one);
            }
            here.block(bucket, "blocked here", Duration.ofDays(1));
            there.acquireOrThrow(bucket, "blocked here", 20);
            here.acquireOrThrow(several, "blocked there", 20);
            there.block(several, "blocked there", Duration.ofDays(1));
            awaitOneCluster(one);
            for (RateLimiter part : List.of(here, there)) {
                awaitBlocked(part, bucket, "blocked here");
                awaitBlocked(part, several, "blocked there");
            }
            for (Policy policy : policies) {
                for (String key : List.of("more here", "more there", "only here", "only there")) {
                    for (RateLimiter part : List.of(here, there)) {
                        awaitMerged(part, policy, key);
                    }
                    Decision merged = here.peek(policy, key, 0);
                    EntryView<String, byte[]> entry = one.<String, byte[]>getMap("ratelimit:" + NAMESPACE)
                            .getEntryView(policy.name() + ":" + KeyHash.brief(key));
                    assertTrue(
                            entry.getExpirationTime() >= System.currentTimeMillis() + merged.resetAfterMicros() / 1_000,
                            () -> policy + " " + key + " expires before its permits are back");
                }
            }
            assertEquals(3, there.peek(slots, "held in both", 0).remaining(), "held slots");
            assertTrue(heldHere.renew().toCompletableFuture().join()
                    && heldThere.renew().toCompletableFuture().join());
            onePart.close();
            otherPart.close();
        }
    }

    /** Entries that no state can be read from, in both parts or in one of them, and in many partitions. */
    private static void putUnreadable(IMap<String, Object> map, boolean first) {
        for (int i = 0; i < 20; i++) {
            map.set("bucket:both" + i, new byte[] {99, 1});
            map.set("bucket:either" + i, first == (i % 2 == 0) ? "a text" : new byte[] {1, 1});
            map.set("bucket:" + first + i, new byte[] {99, 1});
        }
    }

    private static void awaitOneCluster(HazelcastInstance member) {
        long since = System.nanoTime();
        while (member.getCluster().getMembers().size() < 2
                || !member.getPartitionService().isClusterSafe()) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(120), "The parts do not merge.");
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Entries are merged some time after the members. Then 10 permits remain, and those refilled meanwhile. */
    private static void awaitMerged(RateLimiter part, Policy policy, String key) {
        long since = System.nanoTime();
        long remaining = part.peek(policy, key, 0).remaining();
        while (remaining > 15) {
            long last = remaining;
            assertTrue(
                    System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60),
                    () -> policy + " " + key + ": " + last + " are free");
            remaining = part.peek(policy, key, 0).remaining();
        }
        long left = remaining;
        assertTrue(left >= 10, () -> policy + " " + key + ": only " + left + " are free");
    }

    /** A block in either part remains. */
    private static void awaitBlocked(RateLimiter part, Policy policy, String key) {
        long since = System.nanoTime();
        while (part.peek(policy, key, 1).allowed()) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60), () -> key + " is not blocked");
        }
        assertTrue(part.peek(policy, key, 1).retryAfterMicros() > TimeUnit.HOURS.toMicros(23));
    }
}
