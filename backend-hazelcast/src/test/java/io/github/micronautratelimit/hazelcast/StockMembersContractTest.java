package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;
import io.github.micronautratelimit.tck.VirtualClock;

/** The members have nothing but Hazelcast on their class path: callers decide, by compare-and-replace. */
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
                // The first decision finds out about the member, which costs a round trip more.
                backend.peek(Policy.of("who-decides", "1/s"), "key", 1).toCompletableFuture().join();
                return new Coalescer(backend, Duration.ofMinutes(1));
            }
        };
    }

    /** Instead of one each: a look for a denial, a look and an entry for first use, a longer life and a look for others. */
    @Override
    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"100/min", "100/min sliding", "100/min; 100/h sliding; 1000/h fixed"})
    public void everyPathCostsAsMuch(String limits) {
        try (BackendUnderTest store = open()) {
            RateLimiter limiter = new RateLimiter(store.connect(() -> 1_789_381_217_300_123L), List.of());
            Policy policy = Policy.of("round-trips-" + System.nanoTime(), limits);
            long before = store.roundTrips();
            assertTrue(limiter.acquire(policy, "key").allowed());
            assertEquals(before + 2, store.roundTrips(), "first use");
            assertTrue(limiter.acquire(policy, "key", 99).allowed());
            long since = System.nanoTime();
            while (store.roundTrips() < before + 6 && System.nanoTime() - since < 20_000_000_000L) {
                Thread.onSpinWait();
            }
            assertEquals(before + 6, store.roundTrips(), "grant");
            assertFalse(limiter.acquire(policy, "key").allowed());
            assertEquals(before + 7, store.roundTrips(), "denial");
        }
    }

    /** A look and an entry; and a look for the denial. */
    @Override
    @Test
    public void aBlockCostsAsMuchAsADecision() {
        try (BackendUnderTest store = open()) {
            RateLimiter limiter = new RateLimiter(store.connect(() -> 1_789_381_217_300_123L), List.of());
            Policy policy = Policy.of("block-" + System.nanoTime(), "100/min");
            long before = store.roundTrips();
            limiter.block(policy, "key", Duration.ofDays(1));
            assertEquals(before + 2, store.roundTrips(), "block");
            assertFalse(limiter.acquire(policy, "key").allowed());
            assertEquals(before + 3, store.roundTrips(), "denial");
        }
    }

    /** A charge that began before a block must not give the entry the life of its own limits. */
    @Test
    void aBlockOutlivesTheChargesThatWereUnderWay() {
        try (BackendUnderTest store = open()) {
            VirtualClock clock = new VirtualClock(1_789_381_217_300_123L);
            Policy policy = Policy.of("outlives-" + System.nanoTime(), "1000/s");
            RateLimiter first = new RateLimiter(store.connect(clock), List.of());
            RateLimiter second = new RateLimiter(store.connect(clock), List.of());
            for (int i = 0; i < 50; i++) {
                String key = "key " + i;
                first.acquire(policy, key);
                CompletableFuture<Decision> charge = second.acquireAsync(policy, key, 1).toCompletableFuture();
                first.block(policy, key, Duration.ofHours(5));
                charge.join();
            }
            IMap<String, byte[]> map = INSTANCES.get(0).getMap("ratelimit:contract");
            long least = System.currentTimeMillis() + Duration.ofHours(5).toMillis();
            long since = System.nanoTime();
            for (int i = 0; i < 50; i++) {
                String name = policy.name() + ":" + KeyHash.brief("key " + i);
                while (map.getEntryView(name).getExpirationTime() < least) {
                    assertTrue(System.nanoTime() - since < 20_000_000_000L, () -> name + " ends before its block");
                    Thread.onSpinWait();
                }
                assertFalse(first.acquire(policy, "key " + i).allowed());
            }
        }
    }
}
