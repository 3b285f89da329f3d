package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

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

    /** Instead of one each: a look for a denial, a look and an entry for first use, and a longer life besides for others. */
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
            while (store.roundTrips() < before + 5 && System.nanoTime() - since < 20_000_000_000L) {
                Thread.onSpinWait();
            }
            assertEquals(before + 5, store.roundTrips(), "grant");
            assertFalse(limiter.acquire(policy, "key").allowed());
            assertEquals(before + 6, store.roundTrips(), "denial");
        }
    }
}
