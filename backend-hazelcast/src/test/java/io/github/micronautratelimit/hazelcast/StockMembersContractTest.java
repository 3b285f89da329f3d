package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.hotkey.Coalescer;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;
import io.github.micronautratelimit.tck.VirtualClock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs the contract on a stock member, which lacks this library: callers decide by compare-and-replace. */
class StockMembersContractTest extends RateLimitBackendContract {

    private static final List<HazelcastInstance> INSTANCES = HazelcastUnderTest.counted(twoClientsOfAStockMember());

    private static List<HazelcastInstance> twoClientsOfAStockMember() {
        Cluster cluster = new Cluster(1);
        ForkedMember.stock(cluster.name(), cluster.port(0), List.of(cluster.port(0)));
        return List.of(cluster.client(), cluster.client());
    }

    @Override
    protected BackendUnderTest open() {
        return new HazelcastUnderTest(INSTANCES) {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                RateLimitBackend backend = super.connect(clock);
                // The first decision discovers the stock member, which costs one more round trip.
                backend.peek(Policy.of("discovery", "1/s"), "key", 1)
                        .toCompletableFuture()
                        .join();
                return new Coalescer(backend, Duration.ofMinutes(1));
            }
        };
    }

    /**
     * The contract expects one round trip. Here a denial reads; the first use reads and writes; a grant also sets the
     * expiry and reads again.
     */
    @Override
    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"100/min", "100/min sliding", "100/min; 100/h sliding; 1000/h fixed"})
    public void everyDecisionCostsTheSameRoundTrips(String limits) {
        try (BackendUnderTest store = open()) {
            RateLimiter limiter = RateLimiter.builder(store.connect(() -> 1_789_381_217_300_123L))
                    .unguarded()
                    .build();
            Policy policy = Policy.of("round-trips-" + System.nanoTime(), limits);
            long before = store.roundTrips();
            assertTrue(limiter.tryAcquire(policy, "key").allowed());
            assertEquals(before + 2, store.roundTrips(), "first use");
            assertTrue(limiter.tryAcquire(policy, "key", 99).allowed());
            long since = System.nanoTime();
            while (store.roundTrips() < before + 6 && System.nanoTime() - since < 20_000_000_000L) {
                LockSupport.parkNanos(1_000_000);
            }
            assertEquals(before + 6, store.roundTrips(), "grant");
            assertFalse(limiter.tryAcquire(policy, "key").allowed());
            assertEquals(before + 7, store.roundTrips(), "denial");
        }
    }

    /** The contract expects one round trip. Here a block reads and writes, and a denial reads. */
    @Override
    @Test
    public void blockCostsTheRoundTripsOfADecision() {
        try (BackendUnderTest store = open()) {
            RateLimiter limiter = RateLimiter.builder(store.connect(() -> 1_789_381_217_300_123L))
                    .unguarded()
                    .build();
            Policy policy = Policy.of("block-" + System.nanoTime(), "100/min");
            long before = store.roundTrips();
            limiter.block(policy, "key", Duration.ofDays(1));
            assertEquals(before + 2, store.roundTrips(), "block");
            assertFalse(limiter.tryAcquire(policy, "key").allowed());
            assertEquals(before + 3, store.roundTrips(), "denial");
        }
    }

    /** A grant that began before a block must not reduce the life of the entry to that of its own limits. */
    @Test
    void blockOutlivesGrantsInFlight() {
        try (BackendUnderTest store = open()) {
            VirtualClock clock = new VirtualClock(1_789_381_217_300_123L);
            Policy policy = Policy.of("in-flight-" + System.nanoTime(), "1000/s");
            RateLimiter first =
                    RateLimiter.builder(store.connect(clock)).unguarded().build();
            RateLimiter second =
                    RateLimiter.builder(store.connect(clock)).unguarded().build();
            for (int i = 0; i < 50; i++) {
                String key = "key " + i;
                first.acquireOrThrow(policy, key);
                CompletableFuture<Decision> grant =
                        second.async().tryAcquire(policy, key, 1).toCompletableFuture();
                first.block(policy, key, Duration.ofHours(5));
                grant.join();
            }
            IMap<String, byte[]> map = INSTANCES.get(0).getMap("ratelimit:contract");
            long minExpiry = System.currentTimeMillis() + Duration.ofHours(5).toMillis();
            long since = System.nanoTime();
            for (int i = 0; i < 50; i++) {
                String name = policy.name() + ":" + KeyHash.brief("key " + i);
                while (map.getEntryView(name).getExpirationTime() < minExpiry) {
                    assertTrue(
                            System.nanoTime() - since < 20_000_000_000L, () -> name + " expires before its block ends");
                    LockSupport.parkNanos(1_000_000);
                }
                assertFalse(first.tryAcquire(policy, "key " + i).allowed());
            }
        }
    }
}
