package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.EntryView;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the expiry of entries by the clock of the cluster: never before all permits are back. */
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
        limiter = RateLimiter.builder(backend).unguarded().build();
        map = members.get(0).getMap("ratelimit:expiry");
    }

    @AfterAll
    static void close() {
        backend.close();
        cluster.close();
    }

    private static @Nullable EntryView<String, byte[]> entry(Policy policy, String key) {
        return map.getEntryView(policy.name() + ":" + KeyHash.brief(key));
    }

    /**
     * Hazelcast expires entries on whole seconds, up to one second early, so this acquires at many points of a
     * second.
     */
    @ParameterizedTest
    @ValueSource(strings = {"5/900ms", "50/5s", "10/2s sliding", "10/day fixed", "7/s; 100/h sliding"})
    void entryNeverExpiresBeforeItsPermitsAreBack(String limits) {
        Policy policy = Policy.of("never-early-" + limits.hashCode(), limits);
        int seen = 0;
        for (int i = 0; i < 40; i++) {
            String key = "key " + i;
            Decision decision = limiter.tryAcquire(policy, key, policy.capacity());
            long notBefore = System.currentTimeMillis() + decision.resetAfterMicros() / 1_000;
            EntryView<String, byte[]> entry = entry(policy, key);
            if (entry == null) {
                // The machine has stalled for longer than the limit needs.
                assertTrue(System.currentTimeMillis() >= notBefore, "expired early");
                continue;
            }
            seen++;
            long expiry = entry.getExpirationTime();
            assertTrue(
                    expiry >= notBefore && expiry < notBefore + 10_000,
                    () -> "expires after " + (expiry - notBefore) + " ms");
            pause(25);
        }
        assertTrue(seen > 0, "no entry was seen");
    }

    /** An entry that expired early would grant the whole burst again. */
    @Test
    void noMoreThanTheLimitIsGrantedInRealTime() {
        Policy policy = Policy.of("real-time", "5/900ms");
        long start = System.nanoTime();
        long granted = 0;
        while (System.nanoTime() - start < TimeUnit.SECONDS.toNanos(5)) {
            granted += limiter.tryAcquire(policy, "key").allowed() ? 1 : 0;
        }
        double max = 5 + (System.nanoTime() - start) / 180_000_000.0;
        long all = granted;
        // The clock of the cluster has a resolution of 1 ms, so one more permit may be granted.
        assertTrue(all <= max + 1 && all >= max / 2, () -> all + " granted of at most " + max);
    }

    @Test
    void emptyEntryExpires() {
        Policy policy = Policy.of("gone", "50/s");
        limiter.acquireOrThrow(policy, "key");
        assertNotNull(entry(policy, "key"));
        long since = System.nanoTime();
        while (entry(policy, "key") != null) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(30), "The entry does not expire.");
            pause(50);
        }
    }

    @Test
    void denialAndPeekWriteNothingAndCallNoBackup() {
        Policy policy = Policy.of("denied", "5/h");
        String name = policy.name() + ":" + KeyHash.brief("key");
        map.executeOnKey(name, operation(PermitProcessor.Kind.ACQUIRE, policy, 5));
        long version = map.getEntryView(name).getVersion();
        long expiry = map.getEntryView(name).getExpirationTime();
        for (PermitProcessor unchanging : List.of(
                operation(PermitProcessor.Kind.ACQUIRE, policy, 1),
                operation(PermitProcessor.Kind.ACQUIRE, policy, 0),
                operation(PermitProcessor.Kind.PEEK, policy, 1))) {
            map.executeOnKey(name, unchanging);
            assertNull(unchanging.getBackupProcessor());
            assertEquals(version, map.getEntryView(name).getVersion());
            assertEquals(expiry, map.getEntryView(name).getExpirationTime());
        }
        assertFalse(limiter.peek(policy, "key", 1).allowed());
        map.executeOnKey(name + "unseen", operation(PermitProcessor.Kind.PEEK, policy, 1));
        assertFalse(map.containsKey(name + "unseen"));
    }

    /** The backup stores the state of the owner. It does not decide again by another clock. */
    @Test
    void backupStoresTheStateOfTheOwner() {
        Policy policy = Policy.of("backed-up", "100/h");
        for (int i = 0; i < 50; i++) {
            limiter.acquireOrThrow(policy, "key " + i, 60);
        }
        long backups = members.stream()
                .mapToLong(member ->
                        member.getMap("ratelimit:expiry").getLocalMapStats().getBackupEntryCount())
                .sum();
        assertTrue(backups >= 50, () -> backups + " backups");
    }

    private static PermitProcessor operation(PermitProcessor.Kind kind, Policy policy, long permits) {
        return new PermitProcessor(kind, policy.rateLimits(), List.of(permits), null);
    }

    private static void pause(long millis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
