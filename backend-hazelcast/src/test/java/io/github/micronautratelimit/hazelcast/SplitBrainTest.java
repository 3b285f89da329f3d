package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import com.hazelcast.core.EntryView;
import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;

/** Two halves of a cluster that do not see each other, and then do: nobody is handed permits back. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SplitBrainTest {

    private static final String NAMESPACE = "split";

    @Test
    void whatWasSpentInEitherHalfIsSpentAfterwards() {
        Policy bucket = Policy.of("bucket", "100/h");
        Policy sliding = Policy.of("sliding", "100/h sliding");
        Policy fixed = Policy.of("fixed", "100/366day fixed");
        Policy several = Policy.of("several", "100/h; 100/day sliding; 1000/366day fixed");
        List<Policy> policies = List.of(bucket, sliding, fixed, several);
        try (Cluster cluster = new Cluster(2, config -> {
            config.setProperty("hazelcast.merge.first.run.delay.seconds", "8");
            config.setProperty("hazelcast.merge.next.run.delay.seconds", "2");
        })) {
            // Whoever starts first looks for the other in vain; the other does not look at all. Later the first looks again.
            HazelcastInstance one = cluster.member();
            HazelcastInstance other = cluster.loner();
            assertEquals(1, one.getCluster().getMembers().size());
            assertEquals(1, other.getCluster().getMembers().size());
            HazelcastBackend oneHalf = new HazelcastBackend(one, NAMESPACE);
            HazelcastBackend otherHalf = new HazelcastBackend(other, NAMESPACE);
            RateLimiter here = new RateLimiter(oneHalf, List.of());
            RateLimiter there = new RateLimiter(otherHalf, List.of());
            Policy places = Policy.of("places", "5 concurrent lease 1h");
            Lease heldHere = here.lease(places, "held in both");
            Lease heldThere = there.lease(places, "held in both");
            for (Policy policy : policies) {
                here.acquire(policy, "more here", 90);
                there.acquire(policy, "more here", 20);
                here.acquire(policy, "more there", 20);
                there.acquire(policy, "more there", 90);
                here.acquire(policy, "only here", 90);
                there.acquire(policy, "only there", 90);
            }
            here.block(bucket, "blocked here", Duration.ofDays(1));
            there.acquire(bucket, "blocked here", 20);
            here.acquire(several, "blocked there", 20);
            there.block(several, "blocked there", Duration.ofDays(1));
            awaitOneCluster(one);
            for (RateLimiter half : List.of(here, there)) {
                awaitBlocked(half, bucket, "blocked here");
                awaitBlocked(half, several, "blocked there");
            }
            for (Policy policy : policies) {
                for (String key : List.of("more here", "more there", "only here", "only there")) {
                    for (RateLimiter half : List.of(here, there)) {
                        awaitMerged(half, policy, key);
                    }
                    Decision standing = here.peek(policy, key, 0);
                    EntryView<String, byte[]> entry = one.<String, byte[]>getMap("ratelimit:" + NAMESPACE)
                            .getEntryView(policy.name() + ":" + KeyHash.brief(key));
                    assertTrue(entry.getExpirationTime()
                                    >= System.currentTimeMillis() + standing.resetAfterMicros() / 1_000,
                            () -> policy + " " + key + " ends before its permits are back");
                }
            }
            assertEquals(3, there.peek(places, "held in both", 0).remaining(), "who held a place holds it");
            assertTrue(heldHere.renew().toCompletableFuture().join() && heldThere.renew().toCompletableFuture().join());
            oneHalf.close();
            otherHalf.close();
        }
    }

    private static void awaitOneCluster(HazelcastInstance member) {
        long since = System.nanoTime();
        while (member.getCluster().getMembers().size() < 2 || !member.getPartitionService().isClusterSafe()) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(120), "The halves do not merge.");
            Thread.onSpinWait();
        }
    }

    /** Entries arrive some time after the members; then there are 10 permits left, and what an hour's bucket has dripped. */
    private static void awaitMerged(RateLimiter half, Policy policy, String key) {
        long since = System.nanoTime();
        long remaining = half.peek(policy, key, 0).remaining();
        while (remaining > 15) {
            long last = remaining;
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60),
                    () -> policy + " " + key + ": " + last + " are free");
            remaining = half.peek(policy, key, 0).remaining();
        }
        long left = remaining;
        assertTrue(left >= 10, () -> policy + " " + key + ": only " + left + " are free");
    }

    /** A block wins. */
    private static void awaitBlocked(RateLimiter half, Policy policy, String key) {
        long since = System.nanoTime();
        while (half.peek(policy, key, 1).allowed()) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60), () -> key + " is not blocked");
        }
        assertTrue(half.peek(policy, key, 1).retryAfterMicros() > TimeUnit.HOURS.toMicros(23));
    }
}
