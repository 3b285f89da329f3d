package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.observe.StoreListener;
import io.github.micronautratelimit.observe.StoreListener.Operation;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.HeldStore;
import io.github.micronautratelimit.testing.RecordingListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** The layers of a limiter and their order. */
class RateLimiterBuilderTest {

    private static final Policy TEN = Policy.of("ten", "10/day");
    private static final Policy ONE = Policy.of("one", "1/day");
    private static final IllegalStateException UNAVAILABLE = new IllegalStateException("the store is unavailable");

    private final AtomicLong micros = new AtomicLong(1_000_000_000_000_000L);
    private final RemoteStore store = new RemoteStore();
    private final RecordingListener listener = new RecordingListener();
    private final List<String> operations = Collections.synchronizedList(new ArrayList<>());
    private final StoreListener storeListener = (name, operation, policies) -> {
        operations.add(name + " " + operation);
        return (outcome, duration, failure) -> {};
    };

    /** A store in memory that counts as remote and can fail. */
    private final class RemoteStore extends ForwardingBackend {

        private boolean unavailable;
        private boolean coalescing;
        private boolean closed;

        RemoteStore() {
            super(new MemoryBackend(micros::get, 1_000));
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return unavailable ? CompletableFuture.failedFuture(UNAVAILABLE) : super.acquire(policy, key, permits);
        }

        @Override
        public Decision acquireBlocking(Policy policy, String key, long permits) {
            return awaitAcquire(policy, key, permits);
        }

        @Override
        public boolean isLocal() {
            return false;
        }

        @Override
        public boolean prefersCoalescing() {
            return coalescing;
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    private RateLimiterBuilder builder() {
        return RateLimiter.builder(store)
                .name("remote")
                .clock(micros::get)
                .listeners(List.of(listener))
                .storeListeners(List.of(storeListener));
    }

    @Test
    void storeListenersAreBelowTheCoalescer() {
        HeldStore held = new HeldStore();
        try (RateLimiter limiter = RateLimiter.builder(held)
                .name("held")
                .deadline(Duration.ofMinutes(1))
                .coalescing(true)
                .storeListeners(List.of(storeListener))
                .build()) {
            List<CompletableFuture<Decision>> answers = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                answers.add(limiter.async().tryAcquire(TEN, "key").toCompletableFuture());
            }
            held.call(0).decide();
            held.call(1).decide();
            assertTrue(answers.stream().allMatch(answer -> answer.join().allowed()));
            assertEquals(List.of("held " + Operation.ACQUIRE, "held " + Operation.ACQUIRE_BATCH), operations);
            assertEquals(new LimiterStats.Coalescing(5, 2), limiter.stats().coalescing());
        }
    }

    @Test
    void denyCacheIsAboveTheLocalLimit() {
        Policy policy = ONE.withLocalLimits(Limit.parseAll("3/day"));
        try (RateLimiter limiter = builder().build()) {
            assertTrue(limiter.tryAcquire(policy, "key").allowed());
            assertEquals(
                    Decision.Source.STORE, limiter.tryAcquire(policy, "key").source());
            for (int i = 0; i < 10; i++) {
                assertEquals(
                        Decision.Source.DENY_CACHE,
                        limiter.tryAcquire(policy, "key").source(),
                        "cached denials do not count for the local limit");
            }
            micros.addAndGet(1_000_000);
            assertEquals(
                    Decision.Source.STORE, limiter.tryAcquire(policy, "key").source());
            assertEquals(
                    Decision.Source.DENY_CACHE,
                    limiter.tryAcquire(policy, "key").source());
            assertEquals(11, limiter.stats().denyCacheHits());
        }
    }

    @Test
    void localLimitIsAbovePrefetchingAndTheStore() {
        Policy policy = Policy.of("hot", "1000/day").withMaxPrefetch(100).withLocalLimits(Limit.parseAll("20/day"));
        try (RateLimiter limiter = builder().build()) {
            for (int i = 0; i < 20; i++) {
                assertTrue(limiter.tryAcquire(policy, "key").allowed());
            }
            assertEquals(
                    Decision.Source.LOCAL_LIMIT,
                    limiter.tryAcquire(policy, "key").source());
            assertEquals(1, limiter.stats().localLimitDenials());
            LimiterStats.Prefetch prefetch = limiter.stats().prefetch();
            assertNotNull(prefetch);
            assertTrue(prefetch.granted() > 0, prefetch::toString);
        }
    }

    @Test
    void prefetchedPermitsNeedNoStoreAndNoFallback() {
        Policy policy = Policy.of("hot", "1000/day").withMaxPrefetch(100).withOnError(OnError.CLOSED);
        try (RateLimiter limiter = builder().build()) {
            for (int i = 0; i < 30; i++) {
                assertTrue(limiter.tryAcquire(policy, "key").allowed());
            }
            LimiterStats.Prefetch prefetch = limiter.stats().prefetch();
            assertNotNull(prefetch);
            assertTrue(prefetch.held() > 0);
            store.unavailable = true;
            for (int i = 0; i < prefetch.held(); i++) {
                assertEquals(
                        Decision.Source.PREFETCHED,
                        limiter.tryAcquire(policy, "key").source());
            }
            Decision denied = limiter.tryAcquire(policy, "key");
            assertEquals(Decision.Source.FALLBACK, denied.source());
            assertFalse(denied.allowed());
        }
    }

    @Test
    void returnPrefetchedRefundsAndEndsPrefetching() {
        Policy policy = Policy.of("hot", "1000/day").withMaxPrefetch(100);
        try (RateLimiter limiter = builder().build()) {
            for (int i = 0; i < 30; i++) {
                limiter.tryAcquire(policy, "key");
            }
            limiter.returnPrefetched();
            assertEquals(970, Await.result(store.peek(policy, "key", 0)).remaining());
            assertEquals(
                    Decision.Source.STORE, limiter.tryAcquire(policy, "key").source());
            assertEquals(
                    Decision.Source.STORE, limiter.tryAcquire(policy, "key").source());
        }
    }

    @Test
    void failureIsDecidedByTheGuardAndDispatched() {
        store.unavailable = true;
        try (RateLimiter limiter = builder().instances(5).build()) {
            assertEquals(
                    List.of(true, true, false),
                    List.of(
                            limiter.tryAcquire(TEN, "key").allowed(),
                            limiter.tryAcquire(TEN, "key").allowed(),
                            limiter.tryAcquire(TEN, "key").allowed()),
                    "a fifth of 10 permits");
            assertEquals(3, listener.failures().size());
            assertSame(UNAVAILABLE, listener.failures().get(0).cause());
            assertTrue(listener.events().stream().allMatch(event -> event.source() == Decision.Source.FALLBACK));
            LimiterStats.Store stats = limiter.stats().store();
            assertNotNull(stats);
            assertEquals("remote", stats.name());
            assertEquals(3, stats.failures());
        }
    }

    @Test
    void deadlineEndsACallThatIsNotAnswered() {
        HeldStore held = new HeldStore();
        try (RateLimiter limiter = RateLimiter.builder(held)
                .deadline(Duration.ofMillis(5))
                .listeners(List.of(listener))
                .warmUp()
                .build()) {
            assertEquals(
                    Decision.Source.FALLBACK, limiter.tryAcquire(TEN, "key").source());
            assertEquals(
                    TimeoutException.class, listener.failures().get(0).cause().getClass());
        }
    }

    @Test
    void denyCacheOfZeroCallsTheStoreForEveryDenial() {
        try (RateLimiter limiter = builder().denyCache(Duration.ZERO).build()) {
            limiter.tryAcquire(ONE, "key");
            for (int i = 0; i < 5; i++) {
                assertEquals(
                        Decision.Source.STORE, limiter.tryAcquire(ONE, "key").source());
            }
        }
    }

    @Test
    void coalescingIsTheChoiceOfTheBackendOrOfTheCaller() {
        assertNull(builder().build().stats().coalescing());
        assertNotNull(builder().coalescing(true).build().stats().coalescing());
        store.coalescing = true;
        assertNotNull(builder().build().stats().coalescing());
        assertNull(builder().coalescing(false).build().stats().coalescing());
    }

    @Test
    void unguardedLimiterThrowsFailuresAndHasNoLayers() {
        store.coalescing = true;
        store.unavailable = true;
        try (RateLimiter limiter = builder().unguarded().build()) {
            assertSame(
                    UNAVAILABLE,
                    assertThrows(RateLimitBackendException.class, () -> limiter.tryAcquire(ONE, "key"))
                            .getCause());
            store.unavailable = false;
            limiter.tryAcquire(ONE, "key");
            for (int i = 0; i < 3; i++) {
                assertEquals(
                        Decision.Source.STORE, limiter.tryAcquire(ONE, "key").source());
            }
            LimiterStats stats = limiter.stats();
            assertNull(stats.store());
            assertNull(stats.prefetch());
            assertNull(stats.coalescing());
            assertEquals(5, operations.size(), "calls are observed");
        }
    }

    @Test
    void memoryHasNoLayersAndReportsNoCalls() {
        try (RateLimiter limiter = RateLimiter.builder(new MemoryBackend())
                .storeListeners(List.of(storeListener))
                .coalescing(true)
                .build()) {
            limiter.tryAcquire(ONE, "key");
            for (int i = 0; i < 3; i++) {
                assertEquals(
                        Decision.Source.STORE, limiter.tryAcquire(ONE, "key").source());
            }
            limiter.tryAcquireAll(List.of(new PermitRequest(ONE, "a", 1), new PermitRequest(ONE, "b", 1)));
            LimiterStats stats = limiter.stats();
            assertNull(stats.store());
            assertNull(stats.prefetch());
            assertNull(stats.coalescing());
            assertNotNull(stats.memory());
            assertEquals(List.of(), operations);
        }
    }

    @Test
    void closedLimiterRefundsAndClosesTheBackend() {
        Policy policy = Policy.of("hot", "1000/day").withMaxPrefetch(100);
        RateLimiter limiter = builder().build();
        for (int i = 0; i < 30; i++) {
            limiter.tryAcquire(policy, "key");
        }
        assertFalse(store.closed);
        limiter.close();
        assertTrue(store.closed);
        assertEquals(970, Await.result(store.peek(policy, "key", 0)).remaining());
    }

    @Test
    void optionsOutOfRangeAreRejected() {
        for (Executable building : List.<Executable>of(
                () -> builder().deadline(Duration.ZERO).build(),
                () -> builder().deadline(Duration.ofNanos(999_999)).build(),
                () -> builder().instances(0).build())) {
            assertThrows(IllegalArgumentException.class, building);
        }
    }
}
