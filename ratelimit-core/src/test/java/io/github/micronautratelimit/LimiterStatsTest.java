package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import io.github.micronautratelimit.memory.MemoryBackend;

@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LimiterStatsTest {

    private static final Policy TWO = Policy.of("two", "2/day");
    private static final Policy LOCAL = new Policy("local", Limit.parseAll("100/day"), OnError.LOCAL, null,
            Limit.parseAll("1/day"));
    private static final Duration LONG = Duration.ofMinutes(1);

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, () -> "still waiting until " + what);
            Thread.onSpinWait();
        }
    }

    private static LimiterStats.Store storeOf(RateLimiter limiter) {
        LimiterStats.Store store = limiter.stats().store();
        assertNotNull(store);
        return store;
    }

    @Test
    void memoryTellsItsKeys() {
        RateLimiter limiter = new RateLimiter(new MemoryBackend(MicroClock.system(), 2), List.of());
        limiter.acquire(TWO, "a");
        limiter.acquire(TWO, "b");
        limiter.acquire(TWO, "c");
        assertEquals(new LimiterStats(0, 0, 0, 0, null, null, null, new LimiterStats.Memory(2, 1)), limiter.stats());
    }

    @Test
    void eachThingOnTheWayToTheStoreTellsWhatItDid() {
        HeldStore store = new HeldStore();
        List<String> calls = new ArrayList<>();
        StoreListener listener = (name, operation, policies) -> {
            calls.add(name + " " + operation + " " + policies.get(0).name());
            return (outcome, duration, failure) -> calls.add(outcome + " " + (duration.toNanos() > 0));
        };
        StoreListener throwing = (name, operation, policies) -> {
            throw new IllegalStateException("thrown on purpose");
        };
        Guard guard = new Guard(new ObservedStore(new Coalescer(store, LONG), "held", List.of(throwing, listener)),
                "held", LONG, 1, MicroClock.system(), List.of());
        MicroClock still = () -> 1_000_000_000_000_000L;
        RateLimiter limiter = new RateLimiter(
                new DenyCache(new LocalLimit(guard, still), still, Duration.ofMinutes(1)), List.of());

        List<CompletableFuture<Decision>> answers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            answers.add(limiter.acquireAsync(TWO, "key", 1).toCompletableFuture());
        }
        store.call(0).isDecided();
        store.call(1).isDecided();
        assertEquals(List.of(true, true, false), answers.stream().map(answer -> answer.join().allowed()).toList());
        assertFalse(limiter.acquire(TWO, "key").allowed());
        CompletableFuture<Decision> first = limiter.acquireAsync(LOCAL, "key", 1).toCompletableFuture();
        store.call(2).isDecided();
        assertTrue(first.join().allowed());
        assertFalse(limiter.acquire(LOCAL, "key").allowed());

        LimiterStats stats = limiter.stats();
        assertEquals(1, stats.denyCacheHits());
        assertEquals(1, stats.localLimitDenials());
        assertEquals(new LimiterStats.Sharing(4, 3), stats.sharing());
        assertEquals(4 / 3.0, new LimiterStats.Sharing(4, 3).ratio());
        assertEquals(1, new LimiterStats.Sharing(0, 0).ratio());
        assertNull(stats.memory());
        assertEquals(new LimiterStats.Store("held", "CLOSED", 0, false, Duration.ZERO, 0, 0), stats.store());
        assertEquals(4, stats.listenerFailures());
        assertEquals(List.of("held ACQUIRE two", "held ACQUIRE two", "held ACQUIRE two", "ANSWERED true", "ANSWERED true",
                "ANSWERED true", "held ACQUIRE local", "ANSWERED true"), calls);
        limiter.peek(TWO, "key", 1);
        limiter.refund(TWO, "key", 1);
        limiter.reset(TWO, "key");
        assertEquals(List.of("held PEEK two", "ANSWERED true", "held REFUND two", "ANSWERED true", "held RESET two",
                "ANSWERED true"), calls.subList(8, calls.size()));
        guard.close();
    }

    @Test
    void permitsTakenAheadAreAccountedFor() {
        Guard guard = new Guard(new MemoryBackend(), "memory", LONG, 1, MicroClock.system(), List.of());
        try (PermitLeases ahead = new PermitLeases(guard, MicroClock.system())) {
            RateLimiter limiter = new RateLimiter(ahead, List.of());
            Policy leased = Policy.of("leased", "1000/h").withMaxLease(10);
            for (int i = 0; i < 100; i++) {
                assertTrue(limiter.acquire(leased, "key").allowed());
            }
            LimiterStats.Leases leases = limiter.stats().leases();
            assertNotNull(leases);
            assertTrue(leases.granted() > 0 && leases.granted() < 100, leases::toString);
            assertEquals(leases.taken(), leases.granted() + leases.held() + leases.returned() + leases.lapsed());
            assertTrue(leases.held() <= 10, leases::toString);
        }
    }

    @Test
    void aCallThatFailsOrIsLateSaysSo() {
        List<String> ends = new ArrayList<>();
        List<CompletableFuture<Decision>> stages = new ArrayList<>();
        RateLimitBackend store = new RateLimitBackend() {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                if (key.equals("throws")) {
                    throw new IllegalStateException("away");
                }
                stages.add(new CompletableFuture<>());
                return stages.get(stages.size() - 1);
            }

            @Override
            public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
                return new CompletableFuture<>();
            }

            @Override
            public CompletionStage<Void> refund(Policy policy, String key, long permits) {
                return new CompletableFuture<>();
            }

            @Override
            public CompletionStage<Void> reset(Policy policy, String key) {
                return new CompletableFuture<>();
            }
        };
        RateLimitBackend observed = new ObservedStore(store, "s", List.of((name, operation, policies) ->
                (outcome, duration, failure) -> ends.add(outcome + " " + failure)));
        observed.acquire(TWO, "throws", 1);
        observed.acquire(TWO, "key", 1);
        stages.get(0).completeExceptionally(new IllegalArgumentException("broken"));
        observed.acquire(TWO, "key", 1).toCompletableFuture().cancel(false);
        assertTrue(stages.get(1).isCancelled());
        assertEquals(List.of("FAILED java.lang.IllegalStateException: away",
                "FAILED java.lang.IllegalArgumentException: broken",
                "LATE java.util.concurrent.CancellationException"), ends);
    }

    @Test
    void anOutageIsTimedAndTheBreakersStepsAreCounted() {
        HeldStore store = new HeldStore();
        Guard guard = new Guard(store, "held", LONG, 1, MicroClock.system(), List.of());
        RateLimiter limiter = new RateLimiter(guard, List.of());
        for (int i = 0; i < 10; i++) {
            CompletableFuture<Decision> answer = limiter.acquireAsync(TWO, "key" + i, 1).toCompletableFuture();
            store.call(i).fails(new IllegalStateException("away"));
            assertTrue(answer.join().allowed());
        }
        assertEquals(10, storeOf(limiter).failures());
        assertTrue(storeOf(limiter).inOutage());
        Duration early = storeOf(limiter).outage();
        assertTrue(early.toNanos() > 0);
        await("the outage grows older", () -> storeOf(limiter).outage().compareTo(early) > 0);
        await("the breaker has opened and the store is tried", () -> {
            for (int i = 10; i < store.calls().size(); i++) {
                store.call(i).isDecided();
            }
            return !storeOf(limiter).inOutage();
        });
        LimiterStats.Store over = storeOf(limiter);
        assertEquals("CLOSED", over.breaker());
        assertEquals(3, over.transitions());
        assertTrue(over.outage().compareTo(Duration.ofMillis(500)) >= 0, () -> over.outage().toString());
        Duration then = storeOf(limiter).outage();
        assertEquals(over.outage(), then);
        guard.close();
    }
}
