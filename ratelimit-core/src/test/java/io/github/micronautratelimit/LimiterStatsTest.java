package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.observe.StoreListener;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.HeldStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LimiterStatsTest {

    private static final Policy TWO = Policy.of("two", "2/day");
    private static final Policy LOCAL = Policy.of("local", "100/day").withLocalLimits(Limit.parseAll("1/day"));
    private static final Duration LONG = Duration.ofMinutes(1);

    private static LimiterStats.Store storeOf(RateLimiter limiter) {
        LimiterStats.Store store = limiter.stats().store();
        assertNotNull(store);
        return store;
    }

    @Test
    void memoryReportsItsKeys() {
        RateLimiter limiter =
                RateLimiter.builder(new MemoryBackend(MicroClock.system(), 2)).build();
        limiter.tryAcquire(TWO, "a");
        limiter.tryAcquire(TWO, "b");
        limiter.tryAcquire(TWO, "c");
        assertEquals(new LimiterStats(0, 0, 0, 0, 0, null, null, null, new LimiterStats.Memory(2, 1)), limiter.stats());
    }

    @Test
    void eachLayerReportsItsFigures() {
        HeldStore store = new HeldStore();
        List<String> calls = new ArrayList<>();
        StoreListener listener = (name, operation, policies) -> {
            calls.add(name + " " + operation + " " + policies.get(0).name());
            return (outcome, duration, failure) -> calls.add(outcome + " " + (duration.toNanos() > 0));
        };
        StoreListener throwing = (name, operation, policies) -> {
            throw new IllegalStateException("thrown on purpose");
        };
        try (RateLimiter limiter = RateLimiter.builder(store)
                .name("held")
                .deadline(LONG)
                .denyCache(Duration.ofMinutes(1))
                .coalescing(true)
                .clock(() -> 1_000_000_000_000_000L)
                .storeListeners(List.of(throwing, listener))
                .build()) {
            List<CompletableFuture<Decision>> answers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                answers.add(limiter.async().tryAcquire(TWO, "key", 1).toCompletableFuture());
            }
            store.call(0).decide();
            store.call(1).decide();
            assertEquals(
                    List.of(true, true, false),
                    answers.stream().map(answer -> answer.join().allowed()).toList());
            assertFalse(limiter.tryAcquire(TWO, "key").allowed());
            CompletableFuture<Decision> first =
                    limiter.async().tryAcquire(LOCAL, "key", 1).toCompletableFuture();
            store.call(2).decide();
            assertTrue(first.join().allowed());
            assertFalse(limiter.tryAcquire(LOCAL, "key").allowed());

            LimiterStats stats = limiter.stats();
            assertEquals(1, stats.denyCacheHits());
            assertEquals(1, stats.localLimitDenials());
            assertEquals(new LimiterStats.Coalescing(4, 3), stats.coalescing());
            assertEquals(new LimiterStats.Memory(2, 0), stats.memory(), "the fallback follows the grants of the store");
            assertEquals(new LimiterStats.Store("held", "CLOSED", 0, false, Duration.ZERO, 0, 0, 0), stats.store());
            assertEquals(new LimiterStats.Prefetch(0, 0, 0, 0, 0), stats.prefetch());
            assertEquals(3, stats.listenerFailures());
            assertEquals(
                    List.of(
                            "held ACQUIRE two",
                            "ANSWERED true",
                            "held ACQUIRE_BATCH two",
                            "ANSWERED true",
                            "held ACQUIRE local",
                            "ANSWERED true"),
                    inCallOrder(calls));
            calls.clear();
            limiter.peek(TWO, "key", 1);
            limiter.refund(TWO, "key", 1);
            limiter.reset(TWO, "key");
            assertEquals(
                    List.of(
                            "held PEEK two",
                            "ANSWERED true",
                            "held REFUND two",
                            "ANSWERED true",
                            "held RESET two",
                            "ANSWERED true"),
                    calls);
        }
    }

    /** The next call of a hot key begins before listeners receive the end of the previous one. */
    private static List<String> inCallOrder(List<String> calls) {
        List<String> begins =
                calls.stream().filter(call -> call.startsWith("held")).toList();
        List<String> ends =
                calls.stream().filter(call -> !call.startsWith("held")).toList();
        assertEquals(begins.size(), ends.size());
        List<String> ordered = new ArrayList<>();
        for (int i = 0; i < begins.size(); i++) {
            ordered.add(begins.get(i));
            ordered.add(ends.get(i));
        }
        return ordered;
    }

    @Test
    void coalescingRatioIsTheDecisionsPerCall() {
        assertEquals(4 / 3.0, new LimiterStats.Coalescing(4, 3).ratio());
        assertEquals(1, new LimiterStats.Coalescing(0, 0).ratio());
    }

    @Test
    void prefetchedPermitsAreAccountedFor() {
        RateLimitBackend memory = new ForwardingBackend(new MemoryBackend()) {
            @Override
            public boolean isLocal() {
                return false;
            }
        };
        try (RateLimiter limiter = RateLimiter.builder(memory).deadline(LONG).build()) {
            Policy prefetching = Policy.of("prefetching", "1000/h").withMaxPrefetch(10);
            for (int i = 0; i < 100; i++) {
                assertTrue(limiter.tryAcquire(prefetching, "key").allowed());
            }
            LimiterStats.Prefetch prefetch = limiter.stats().prefetch();
            assertNotNull(prefetch);
            assertTrue(prefetch.granted() > 0 && prefetch.granted() < 100, prefetch::toString);
            assertEquals(
                    prefetch.taken(), prefetch.granted() + prefetch.held() + prefetch.returned() + prefetch.expired());
            assertTrue(prefetch.held() <= 10, prefetch::toString);
        }
    }

    @Test
    void outageIsTimedAndBreakerTransitionsAreCounted() {
        HeldStore store = new HeldStore();
        try (RateLimiter limiter =
                RateLimiter.builder(store).name("held").deadline(LONG).build()) {
            for (int i = 0; i < 10; i++) {
                CompletableFuture<Decision> answer =
                        limiter.async().tryAcquire(TWO, "key" + i, 1).toCompletableFuture();
                store.call(i).fail(new IllegalStateException("unavailable"));
                assertTrue(answer.join().allowed());
            }
            assertEquals(10, storeOf(limiter).failures());
            assertTrue(storeOf(limiter).inOutage());
            Duration early = storeOf(limiter).outage();
            assertTrue(early.toNanos() > 0);
            Await.until(
                    "the outage has become longer",
                    () -> storeOf(limiter).outage().compareTo(early) > 0);
            Await.until("the outage is over", () -> {
                for (int i = 10; i < store.calls().size(); i++) {
                    store.call(i).decide();
                }
                return !storeOf(limiter).inOutage();
            });
            LimiterStats.Store over = storeOf(limiter);
            assertEquals("CLOSED", over.breaker());
            assertEquals(3, over.transitions());
            assertTrue(over.outage().compareTo(Duration.ofMillis(500)) >= 0, () -> over.outage()
                    .toString());
            assertEquals(over.outage(), storeOf(limiter).outage());
        }
    }
}
