package io.github.micronautratelimit.hotkey;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.GuardedSource;
import io.github.micronautratelimit.testing.LedgerStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On a clock that only the test moves, so that unused permits are refunded only when a test says so. */
class PrefetchingBackendTest {

    private static final long DAY = 86_400_000_000L;
    private static final long PERIOD = PrefetchedPermits.PERIOD_MICROS;

    private final AtomicLong micros = new AtomicLong(20_000 * DAY);
    private final LedgerStore store = new LedgerStore(micros::get);
    private final PrefetchingBackend prefetching = GuardedSource.prefetching(store, micros::get);
    private final RateLimiter limiter =
            RateLimiter.builder(prefetching).unguarded().build();
    private final Policy policy = Policy.of("p", "10000/day").withMaxPrefetch(50);

    private Decision acquire(Policy policy, long permits) {
        return Await.result(prefetching.acquire(policy, "key", permits));
    }

    private long granted(Policy policy, int requests) {
        long granted = 0;
        for (int i = 0; i < requests; i++) {
            granted += acquire(policy, 1).allowed() ? 1 : 0;
        }
        return granted;
    }

    private LimiterStats.Prefetch stats() {
        return stats(limiter);
    }

    private static LimiterStats.Prefetch stats(RateLimiter limiter) {
        return Objects.requireNonNull(limiter.stats().prefetch());
    }

    private long held() {
        return stats().held();
    }

    private void endPeriod() {
        micros.addAndGet(PERIOD);
        prefetching.sweep();
    }

    @Test
    void singleRequestOfAKeyPrefetchesNothing() {
        assertEquals(new Decision.Allowed(9_999, 8_640_000, Source.STORE), acquire(policy, 1));
        assertEquals(0, stats().taken());
        assertEquals(1, store.charged());
        assertEquals(1, store.calls());
    }

    @Test
    void noMorePermitsAreHeldThanWereUsed() {
        for (int used = 1; used <= 200; used++) {
            assertTrue(acquire(policy, 1).allowed());
            assertTrue(held() <= Math.min(50, used), held() + " held after " + used);
            assertEquals(used + held(), store.charged());
        }
    }

    @Test
    void hotKeyRarelyCallsTheStore() {
        assertEquals(1_000, granted(policy, 1_000));
        assertEquals(Source.PREFETCHED, acquire(policy, 1).source());
        assertTrue(store.calls() <= 50, () -> store.calls() + " calls");
        assertTrue(stats().granted() > 990, () -> stats().toString());
        assertEquals(stats().taken(), stats().granted() + held());
    }

    @Test
    void prefetchedGrantHasTheRemainingPermitsOfTheLatestAnswer() {
        granted(policy, 100);
        Decision decision = acquire(policy, 1);
        assertEquals(new Decision.Allowed(10_000 - 101, decision.resetAfterMicros(), Source.PREFETCHED), decision);
        assertEquals(
                10_000 - 101, Await.result(prefetching.peek(policy, "key", 0)).remaining());
    }

    @Test
    void unusedPermitsAreRefundedWithinASecond() {
        assertEquals(100, granted(policy, 100));
        assertTrue(held() > 0);
        endPeriod();
        endPeriod();
        assertEquals(0, held());
        assertEquals(100, store.charged());
        assertEquals(stats().taken(), stats().granted() + stats().returned());
    }

    @Test
    void keyWithFallingDemandHoldsLess() {
        granted(policy, 1_000);
        for (int i = 0; i < 10; i++) {
            endPeriod();
            assertEquals(2, granted(policy, 2));
        }
        endPeriod();
        assertTrue(held() <= 2, () -> held() + " held");
    }

    @Test
    void prefetchedPermitsOfADeniedLeaseAreGivenBack() {
        MemoryBackend memory = new MemoryBackend(micros::get, 10);
        Policy both = Policy.of("both", "10000/day; 1 concurrent").withMaxPrefetch(50);
        try (RateLimiter limiter = RateLimiter.builder(GuardedSource.prefetching(memory, micros::get))
                .unguarded()
                .build()) {
            for (int i = 0; i < 100; i++) {
                limiter.lease(both, "key").close();
            }
            assertTrue(stats(limiter).granted() > 50, () -> stats(limiter).toString());
            Lease held = limiter.lease(both, "key");
            for (int i = 0; i < 60; i++) {
                assertFalse(limiter.lease(both, "key").allowed());
            }
            held.close();
        }
        assertEquals(
                10_000 - 101,
                Await.result(memory.peek(both.rateLimitsOnly(), "key", 0)).remaining());
    }

    @Test
    void backgroundThreadSweeps() {
        granted(policy, 100);
        micros.addAndGet(PERIOD);
        Await.until("the unused permits are refunded", () -> {
            micros.addAndGet(PERIOD);
            return held() == 0;
        });
        assertEquals(100, store.charged());
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/day", "100/day sliding", "100/day fixed", "100/day; 1000/day fixed; 200/day sliding"})
    void singleInstanceGrantsExactlyTheLimit(String limits) {
        Policy hundred = Policy.of("p", limits).withMaxPrefetch(1_000);
        assertEquals(100, granted(hundred, 150));
        Decision denied = acquire(hundred, 1);
        assertEquals(Await.result(store.peek(hundred, "key", 1)), denied);
        assertEquals(0, held());
    }

    @Test
    void refillTakesAtMostHalfOfTheRemainingPermits() {
        Policy eight = Policy.of("p", "8/day").withMaxPrefetch(1_000);
        for (int i = 1; i <= 8; i++) {
            long free = 8 - store.charged();
            assertTrue(acquire(eight, 1).allowed());
            assertTrue(8 - store.charged() >= (free - 1) / 2, "request " + i + " left " + store.charged());
        }
        assertFalse(acquire(eight, 1).allowed());
    }

    @Test
    void requestBeyondThePrefetchedPermitsCallsTheStoreForTheRest() {
        granted(policy, 100);
        long held = held();
        assertEquals(Source.STORE, acquire(policy, held + 1).source());
        assertEquals(100 + held + 1 + held(), store.charged());
        assertTrue(held() <= 50);
        assertEquals(Source.PREFETCHED, acquire(policy, held()).source());
    }

    @Test
    void requestsWithoutPrefetchOrPermitsOrWithLongKeysCallTheStore() {
        granted(policy, 100);
        Policy exact = policy.withMaxPrefetch(0);
        assertEquals(Source.STORE, acquire(policy, 0).source());
        for (int i = 0; i < 10; i++) {
            assertEquals(
                    Source.STORE,
                    Await.result(prefetching.acquire(exact, "other", 1)).source());
            assertEquals(
                    Source.STORE,
                    Await.result(prefetching.acquire(policy, "long".repeat(300), 1))
                            .source());
        }
    }

    @Test
    void permitsOfAFixedWindowAreNotGrantedAfterItsEnd() {
        Policy hundred = Policy.of("p", "100/min fixed").withMaxPrefetch(50);
        micros.set(20_000 * DAY + 58_000_000);
        granted(hundred, 30);
        long held = held();
        assertTrue(held > 0);
        micros.set(20_000 * DAY + 60_000_000);
        Decision first = acquire(hundred, 1);
        assertEquals(new Decision.Allowed(99, 60_000_000, Source.STORE), first);
        prefetching.sweep();
        assertEquals(99, granted(hundred, 200));
        assertEquals(held, stats().expired());
        assertEquals(0, held());
    }

    /** The 26th of October 2026 starts an hour later than a day of 24 hours would. */
    @ParameterizedTest
    @ValueSource(strings = {"100/day Europe/Berlin", "100/day Europe/Berlin; 1000/month Europe/Berlin"})
    void permitsOfACalendarQuotaAreNotGrantedAfterItsEnd(String limits) {
        Policy hundred = Policy.of("p", limits).withMaxPrefetch(50);
        long end = Instant.parse("2026-10-25T23:00:00Z").getEpochSecond() * 1_000_000;
        micros.set(end - 2_000_000);
        granted(hundred, 30);
        long held = held();
        assertTrue(held > 0);
        micros.set(end - 1);
        assertTrue(acquire(hundred, 1).allowed());
        micros.set(end);
        assertEquals(99, acquire(hundred, 1).remaining());
        prefetching.sweep();
        assertEquals(99, granted(hundred, 200));
    }

    /** A refund could arrive in the next window, which did not charge the permits. */
    @Test
    void permitsOfAFixedWindowAreNotRefundedInItsLastSecond() {
        Policy hundred = Policy.of("p", "100/min fixed").withMaxPrefetch(50);
        micros.set(20_000 * DAY + 59_100_000);
        granted(hundred, 30);
        long held = held();
        prefetching.close();
        assertEquals(30 + held, store.charged());
        assertEquals(held, stats().expired());
    }

    @Test
    void closeRefundsAllPermitsAndEndsPrefetching() {
        for (String key : List.of("a", "b", "c")) {
            for (int i = 0; i < 50; i++) {
                Await.result(prefetching.acquire(policy, key, 1));
            }
        }
        assertTrue(held() > 50);
        prefetching.close();
        assertEquals(0, held());
        assertEquals(150, store.charged());
        assertEquals(Source.STORE, acquire(policy, 1).source());
        assertEquals(Source.STORE, acquire(policy, 1).source());
        assertEquals(152, store.charged());
    }

    /** The store answers only when close waits for it. */
    @Test
    void closeRefundsPermitsThatTheStoreIsJustCharging() {
        CompletableFuture<Void> answers = new CompletableFuture<>();
        AtomicBoolean late = new AtomicBoolean();
        AtomicBoolean asked = new AtomicBoolean();
        PermitSource source = new PermitSource() {

            @Override
            public boolean isAvailable(Policy of, String key) {
                return true;
            }

            @Override
            public CompletionStage<Decision> acquire(Policy of, String key, long permits) {
                CompletionStage<Decision> charged = store.acquire(of, key, permits);
                asked.set(late.get());
                return late.get() ? answers.thenCompose(now -> charged) : charged;
            }

            @Override
            public CompletionStage<Void> refund(Policy of, String key, long permits, long chargedAtMicros) {
                return store.refund(of, key, permits, chargedAtMicros);
            }
        };
        Scheduler scheduler = new Scheduler() {

            @Override
            public <T> T await(CompletableFuture<T> future, long nanos)
                    throws InterruptedException, ExecutionException, TimeoutException {
                if (!future.isDone()) {
                    answers.complete(null);
                }
                return future.get(nanos, TimeUnit.NANOSECONDS);
            }
        };
        PrefetchingBackend closed = new PrefetchingBackend(store, source, micros::get, scheduler);
        long granted = 0;
        for (; granted < 1_000 && !asked.get(); granted++) {
            late.set(granted > 100);
            assertTrue(Await.result(closed.acquire(policy, "key", 1)).allowed());
        }
        assertTrue(asked.get());
        assertTrue(store.charged() > granted);
        closed.close();
        assertEquals(granted, store.charged());
    }

    @Test
    void outageGrantsThePrefetchedPermitsAndNoMore() {
        Policy closed = policy.withOnError(OnError.CLOSED);
        granted(closed, 100);
        long held = held();
        store.fail();
        assertEquals(held, granted(closed, 200));
        assertEquals(Source.FALLBACK, acquire(closed, 1).source());
        assertEquals(0, held());
        assertEquals(100 + held, store.charged());
    }

    @Test
    void fallbackGrantsAreNotPrefetched() {
        store.fail();
        for (int i = 0; i < 100; i++) {
            assertEquals(Source.FALLBACK, acquire(policy, 1).source());
        }
        assertEquals(0, stats().taken());
    }

    @Test
    void prefetchedPermitsAreKeptWhileTheBreakerIsOpen() {
        granted(policy, 100);
        long held = held();
        store.fail();
        for (int i = 0; i < 20; i++) {
            Await.result(prefetching.acquire(policy, "other", 1));
        }
        endPeriod();
        endPeriod();
        endPeriod();
        assertEquals(held, held());
        assertEquals(held, granted(policy, (int) held));
    }

    @Test
    void refundOfAPrefetchedGrantGoesToTheStore() {
        granted(policy, 100);
        long held = held();
        Await.result(prefetching.refund(policy, "key", 1, LimitState.LATEST));
        assertEquals(99 + held, store.charged());
        assertEquals(held, held());
    }

    @Test
    void refundBeyondTakenRestoresFullCapacity() {
        granted(policy, 100);
        Await.result(prefetching.refund(policy, "key", 1_000_000, LimitState.LATEST));
        assertEquals(0, held());
        assertEquals(10_000, Await.result(prefetching.peek(policy, "key", 0)).remaining());
        assertEquals(10_000, granted(policy, 20_000));
    }

    @Test
    void resetExpiresThePrefetchedPermits() {
        granted(policy, 100);
        long held = held();
        Await.result(prefetching.reset(policy, "key"));
        assertEquals(held, stats().expired());
        assertEquals(0, held());
        assertEquals(10_000, granted(policy, 20_000));
    }

    @Test
    void blockRefundsThePrefetchedPermits() {
        granted(policy, 100);
        Await.result(prefetching.block(policy, "key", 60_000_000));
        assertEquals(0, held());
        assertEquals(100, store.charged());
        assertFalse(acquire(policy, 1).allowed());
        micros.addAndGet(60_000_000);
        assertTrue(acquire(policy, 1).allowed());
    }

    @Test
    void changedLimitsRefundThePrefetchedPermits() {
        granted(policy, 100);
        Policy lower = policy.withLimits(Limit.parseAll("100/day"));
        assertFalse(acquire(lower, 1).allowed());
        assertEquals(0, held());
        assertEquals(100, store.charged());
    }

    @Test
    void changedDeadlineKeepsThePrefetchedPermits() {
        granted(policy.withDeadline(Duration.ZERO), 100);
        long held = held();
        assertTrue(held > 0);
        assertEquals(Source.PREFETCHED, acquire(policy, 1).source());
        assertEquals(101 + held(), store.charged());
    }

    @Test
    void evictedKeysAreRefunded() {
        for (int key = 0; key < PrefetchCache.MAX_KEYS + 500; key++) {
            for (int i = 0; i < 8; i++) {
                assertTrue(Await.result(prefetching.acquire(policy, "key" + key, 1))
                        .allowed());
            }
        }
        assertTrue(stats().returned() >= 1, () -> stats().toString());
        assertTrue(held() <= 8L * PrefetchCache.MAX_KEYS);
        prefetching.close();
        assertEquals(8L * (PrefetchCache.MAX_KEYS + 500), store.charged());
    }

    @Test
    void severalRequestsTakePrefetchedPermitsAndCallTheStoreForTheRest() {
        Policy other = Policy.of("other", "3/day");
        long used = granted(policy, 100);
        while (held() < 40) {
            used += granted(policy, 1);
        }
        long held = held();
        List<PermitRequest> requests = List.of(new PermitRequest(policy, "key", 2), new PermitRequest(other, "key", 1));
        for (int i = 1; i <= 3; i++) {
            List<Decision> decisions = Await.result(prefetching.acquireAll(requests));
            assertEquals(
                    List.of(Source.PREFETCHED, Source.STORE),
                    decisions.stream().map(Decision::source).toList());
            assertTrue(decisions.stream().allMatch(Decision::allowed));
        }
        assertEquals(held - 6, held());
        List<Decision> denied = Await.result(prefetching.acquireAll(requests));
        assertEquals(
                new Decision.Allowed(10_000 - used - 6, denied.get(0).resetAfterMicros(), Source.PREFETCHED),
                denied.get(0));
        assertFalse(denied.get(1).allowed());
        assertEquals(held - 6, held());
        assertEquals(used + held + 3, store.charged());
    }

    @Test
    void severalPrefetchedRequestsRarelyCallTheStore() {
        Policy other = Policy.of("other", "10000/day").withMaxPrefetch(50);
        List<PermitRequest> requests = List.of(new PermitRequest(policy, "key", 1), new PermitRequest(other, "key", 1));
        for (int i = 0; i < 100; i++) {
            Await.result(prefetching.acquireAll(requests));
        }
        long calls = store.calls();
        assertTrue(Await.result(prefetching.acquireAll(requests)).stream()
                .allMatch(decision -> decision.source() == Source.PREFETCHED));
        assertTrue(store.calls() - calls <= 2);
        assertEquals(202 + held(), store.charged());
    }

    @Test
    void denialOfTheStoreIsCachedByADenyCacheAbove() {
        DenyCache cache = new DenyCache(prefetching, micros::get, Duration.ofSeconds(1));
        Policy ten = Policy.of("p", "10/s").withMaxPrefetch(50);
        for (int i = 0; i < 10; i++) {
            assertTrue(Await.result(cache.acquire(ten, "key", 1)).allowed());
        }
        assertEquals(Source.STORE, Await.result(cache.acquire(ten, "key", 1)).source());
        assertEquals(
                new Decision.Denied(0, 100_000, 1_000_000, ten.rateLimits(), Source.DENY_CACHE),
                Await.result(cache.acquire(ten, "key", 1)));
        micros.addAndGet(100_000);
        assertTrue(Await.result(cache.acquire(ten, "key", 1)).allowed());
    }
}
