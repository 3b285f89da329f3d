package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import com.hazelcast.core.EntryView;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;

/** By the cluster's own clock: entries end by themselves, never before all permits are back. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ExpiryTest {

    private static Cluster cluster;
    private static List<HazelcastInstance> members;
    private static HazelcastBackend backend;
    private static RateLimiter limiter;
    private static IMap<String, byte[]> map;

    @BeforeAll
    static void givenTwoMembers() {
        cluster = new Cluster(2);
        members = cluster.members(2);
        backend = new HazelcastBackend(members.get(0), "expiry");
        limiter = new RateLimiter(backend, List.of());
        map = members.get(0).getMap("ratelimit:expiry");
    }

    @AfterAll
    static void close() {
        backend.close();
        cluster.close();
    }

    private static EntryView<String, byte[]> entry(Policy policy, String key) {
        return map.getEntryView(policy.name() + ":" + KeyHash.brief(key));
    }

    /** Hazelcast lets entries end on whole seconds, up to one early: asked at many points of a second, none does. */
    @ParameterizedTest
    @ValueSource(strings = {"5/900ms", "50/5s", "10/2s sliding", "10/day fixed", "7/s; 100/h sliding"})
    void anEntryNeverEndsBeforeItsPermitsAreBack(String limits) {
        Policy policy = Policy.of("never-early-" + limits.hashCode(), limits);
        for (int i = 0; i < 40; i++) {
            String key = "key " + i;
            Decision decision = limiter.acquire(policy, key, policy.capacity());
            long notBefore = System.currentTimeMillis() + decision.resetAfterMicros() / 1_000;
            long ends = entry(policy, key).getExpirationTime();
            assertTrue(ends >= notBefore && ends < notBefore + 10_000, () -> "ends " + (ends - notBefore) + " ms late");
            pause(25);
        }
    }

    /** An entry that ended early would grant the whole burst anew. */
    @Test
    void inPassingTimeNoMoreIsGrantedThanTheLimitAllows() {
        Policy policy = Policy.of("passing", "5/900ms");
        long start = System.nanoTime();
        long granted = 0;
        while (System.nanoTime() - start < TimeUnit.SECONDS.toNanos(5)) {
            granted += limiter.acquire(policy, "key").allowed() ? 1 : 0;
        }
        double most = 5 + (System.nanoTime() - start) / 180_000_000.0;
        long all = granted;
        // The cluster's clock shows whole milliseconds: a permit more may lie between the first look and the last.
        assertTrue(all <= most + 1 && all >= most / 2, () -> all + " granted of at most " + most);
    }

    @Test
    void entriesAreGoneWhenTheySayNothing() {
        Policy policy = Policy.of("gone", "50/s");
        limiter.acquire(policy, "key", 1);
        assertNotNull(entry(policy, "key"));
        long since = System.nanoTime();
        while (entry(policy, "key") != null) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(30), "still there");
            pause(50);
        }
    }

    @Test
    void aDenialAndALookWriteNothingAndAskNoBackup() {
        Policy policy = Policy.of("denied", "5/h");
        String name = policy.name() + ":" + KeyHash.brief("key");
        Decide granting = decide(Step.Kind.ACQUIRE, policy, 5);
        map.executeOnKey(name, granting);
        long version = map.getEntryView(name).getVersion();
        long ends = map.getEntryView(name).getExpirationTime();
        for (Decide changesNothing : List.of(decide(Step.Kind.ACQUIRE, policy, 1), decide(Step.Kind.ACQUIRE, policy, 0),
                decide(Step.Kind.PEEK, policy, 1))) {
            map.executeOnKey(name, changesNothing);
            assertNull(changesNothing.getBackupProcessor());
            assertEquals(version, map.getEntryView(name).getVersion());
            assertEquals(ends, map.getEntryView(name).getExpirationTime());
        }
        assertFalse(limiter.peek(policy, "key", 1).allowed());
        map.executeOnKey(name + "unseen", decide(Step.Kind.PEEK, policy, 1));
        assertFalse(map.containsKey(name + "unseen"));
    }

    /** The backup writes what the owner has written: nothing is decided twice, or by another clock. */
    @Test
    void theBackupHoldsWhatTheOwnerHolds() {
        Policy policy = Policy.of("backed-up", "100/h");
        for (int i = 0; i < 50; i++) {
            limiter.acquire(policy, "key " + i, 60);
        }
        long backups = members.stream()
                .mapToLong(member -> member.getMap("ratelimit:expiry").getLocalMapStats().getBackupEntryCount()).sum();
        assertTrue(backups >= 50, () -> backups + " backups");
    }

    private static Decide decide(Step.Kind kind, Policy policy, long cost) {
        return new Decide(new Step(kind, policy, List.of(cost)), null);
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }
}
