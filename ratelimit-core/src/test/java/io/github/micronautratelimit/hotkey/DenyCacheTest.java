package io.github.micronautratelimit.hotkey;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DenyCacheTest {

    private static final Duration LONG = Duration.ofDays(1);

    private final AtomicLong micros = new AtomicLong(1_000_000_000_000_000L);
    private final MemoryBackend memory = new MemoryBackend(micros::get, 100_000);
    private final CountingStore store = new CountingStore(memory);
    private final DenyCache cache = new DenyCache(store, micros::get, LONG);
    private final Policy policy = Policy.of("p", "10/s");

    private Decision acquire(long permits) {
        return Await.result(cache.acquire(policy, "key", permits));
    }

    @Test
    void denialIsCachedExactlyUntilItsRetryTime() {
        acquire(10);
        Decision denied = acquire(1);
        assertEquals(new Decision.Denied(0, 100_000, 1_000_000, policy.rateLimits(), Decision.Source.STORE), denied);
        micros.addAndGet(99_999);
        assertEquals(new Decision.Denied(0, 1, 900_001, policy.rateLimits(), Decision.Source.DENY_CACHE), acquire(1));
        assertEquals(2, store.calls);
        micros.addAndGet(1);
        assertEquals(new Decision.Allowed(0, 1_000_000, Decision.Source.STORE), acquire(1));
        assertEquals(3, store.calls);
    }

    @Test
    void blockingCallersUseTheSameCache() {
        cache.acquireBlocking(policy, "key", 10);
        assertEquals(
                Decision.Source.STORE, cache.acquireBlocking(policy, "key", 1).source());
        assertEquals(
                Decision.Source.DENY_CACHE,
                cache.acquireBlocking(policy, "key", 1).source());
        assertEquals(2, store.calls);
    }

    @Test
    void cheaperAndMoreExpensiveRequestsCallTheStore() {
        acquire(6);
        assertEquals(100_000, acquire(5).retryAfterMicros());
        assertEquals(Decision.Source.DENY_CACHE, acquire(5).source());
        assertEquals(300_000, acquire(7).retryAfterMicros(), "decided by the store");
        assertEquals(Decision.Source.DENY_CACHE, acquire(5).source(), "the lowest denied cost stays cached");
        assertTrue(acquire(4).allowed());
    }

    @Test
    void denialThatCanNeverPassIsNotCached() {
        assertEquals(LimitState.NEVER, acquire(11).retryAfterMicros());
        assertEquals(Decision.Source.STORE, acquire(11).source());
    }

    @Test
    void refundAndResetInvalidateTheDenial() {
        acquire(10);
        assertFalse(acquire(1).allowed());
        Await.result(cache.refund(policy, "key", 1, LimitState.LATEST));
        assertTrue(acquire(1).allowed());
        assertFalse(acquire(1).allowed());
        Await.result(cache.reset(policy, "key"));
        assertTrue(acquire(1).allowed());
    }

    @Test
    void denialOlderThanARefundIsNotCached() {
        acquire(10);
        store.held = new CompletableFuture<>();
        CompletionStage<Decision> late = cache.acquire(policy, "key", 1);
        CompletableFuture<Void> held = store.held;
        store.held = null;
        Await.result(cache.refund(policy, "key", 1, LimitState.LATEST));
        held.complete(null);
        assertFalse(late.toCompletableFuture().join().allowed());
        assertTrue(acquire(1).allowed(), "the denial is older than the refund");
    }

    @Test
    void blockInvalidatesTheDenialAndIsCachedNext() {
        acquire(10);
        assertEquals(100_000, acquire(1).retryAfterMicros());
        Await.result(cache.block(policy, "key", 5_000_000));
        assertEquals(
                new Decision.Denied(0, 5_000_000, 5_000_000, policy.rateLimits(), Decision.Source.STORE), acquire(1));
        micros.addAndGet(4_999_999);
        assertEquals(new Decision.Denied(0, 1, 1, policy.rateLimits(), Decision.Source.DENY_CACHE), acquire(1));
        micros.addAndGet(1);
        assertTrue(acquire(10).allowed());
    }

    @Test
    void denialOlderThanABlockIsNotCached() {
        acquire(10);
        store.held = new CompletableFuture<>();
        CompletionStage<Decision> late = cache.acquire(policy, "key", 1);
        CompletableFuture<Void> held = store.held;
        store.held = null;
        Await.result(cache.block(policy, "key", 5_000_000));
        held.complete(null);
        assertEquals(100_000, late.toCompletableFuture().join().retryAfterMicros());
        assertEquals(5_000_000, acquire(1).retryAfterMicros());
    }

    /**
     * The key is never allowed during the block. Until the next call to the store, the time to wait may be too short.
     */
    @Test
    void blockByAnotherInstanceIsSeenByTheNextCallToTheStore() {
        acquire(10);
        acquire(1);
        memory.block(policy, "key", 5_000_000).join();
        assertEquals(100_000, acquire(1).retryAfterMicros());
        assertEquals(5_000_000, acquire(2).retryAfterMicros());
        micros.addAndGet(100_000);
        assertEquals(4_900_000, acquire(1).retryAfterMicros());
    }

    @Test
    void changedLimitsCallTheStore() {
        acquire(10);
        acquire(1);
        Policy raised = Policy.of("p", "20/s");
        assertTrue(Await.result(cache.acquire(raised, "key", 1)).allowed());
        assertFalse(Await.result(cache.acquire(Policy.of("p", "5/s"), "key", 1)).allowed());
    }

    @Test
    void resetByAnotherInstanceTakesEffectAtTheMaximumAge() {
        DenyCache aged = new DenyCache(store, micros::get, Duration.ofMillis(20));
        acquire(10);
        assertFalse(Await.result(aged.acquire(policy, "key", 1)).allowed());
        Await.result(cache.reset(policy, "key"));
        micros.addAndGet(19_999);
        assertFalse(Await.result(aged.acquire(policy, "key", 1)).allowed());
        micros.addAndGet(1);
        assertTrue(Await.result(aged.acquire(policy, "key", 1)).allowed());
    }

    @Test
    void denialOfTheFallbackIsNotCached() {
        store.answer = new Decision.Denied(0, 500_000, 500_000, policy.rateLimits(), Decision.Source.FALLBACK);
        assertFalse(acquire(1).allowed());
        store.answer = null;
        assertTrue(acquire(1).allowed());
    }

    @Test
    void oneCachedDenialDeniesAllRequestsAndSkipsTheOthers() {
        Policy other = Policy.of("other", "1/day");
        acquire(10);
        acquire(1);
        int before = store.calls;
        List<Decision> decisions = cache.acquireAll(
                        List.of(new PermitRequest(other, "key", 1), new PermitRequest(policy, "key", 1)))
                .toCompletableFuture()
                .join();
        assertEquals(before, store.calls);
        assertEquals(new Decision.Skipped(Decision.Source.DENY_CACHE), decisions.get(0));
        assertEquals(
                new Decision.Denied(0, 100_000, 1_000_000, policy.rateLimits(), Decision.Source.DENY_CACHE),
                decisions.get(1));
        assertTrue(Await.result(cache.acquire(other, "key", 1)).allowed(), "the skipped request was not charged");
        List<PermitRequest> spent =
                List.of(new PermitRequest(Policy.of("third", "9/s"), "key", 1), new PermitRequest(other, "key", 1));
        assertEquals(
                Decision.Source.STORE,
                Await.result(cache.acquireAll(spent)).get(1).source());
        assertEquals(
                Decision.Source.DENY_CACHE,
                Await.result(cache.acquireAll(spent)).get(1).source());
    }

    @Test
    void denialOfAKeyThatOccursTwiceIsNotCached() {
        acquire(9);
        PermitRequest request = new PermitRequest(policy, "key", 1);
        assertFalse(
                Await.result(cache.acquireAll(List.of(request, request))).get(1).allowed());
        assertTrue(acquire(1).allowed());
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 64, 65, 500})
    void numberOfCachedKeysIsBounded(int length) {
        String padding = "x".repeat(length);
        Policy one = Policy.of("one", "1/day");
        for (int i = 0; i < 2 * DenyCache.MAX_KEYS; i++) {
            String key = padding + i;
            cache.acquireBlocking(one, key, 1);
            cache.acquireBlocking(one, key, 1);
        }
        assertTrue(cache.keys() <= DenyCache.MAX_KEYS, () -> "" + cache.keys());
        assertTrue(cache.keys() > DenyCache.MAX_KEYS / 2, () -> "" + cache.keys());
    }

    /** An operation of one of two instances on one key. */
    private record Operation(boolean other, String verb, long permits, long gapMicros) {}

    @Provide
    Arbitrary<List<Operation>> operations() {
        Arbitrary<String> verbs = Arbitraries.frequency(
                Tuple.of(20, "acquire"), Tuple.of(2, "refund"), Tuple.of(1, "reset"), Tuple.of(1, "change"));
        return Combinators.combine(
                        Arbitraries.of(true, false),
                        verbs,
                        Arbitraries.longs().between(1, 4),
                        Arbitraries.longs().between(0, 300_000))
                .as(Operation::new)
                .list()
                .ofMinSize(10)
                .ofMaxSize(120);
    }

    private static final List<String> LIMITS =
            List.of("5/s", "7/s sliding", "6/s fixed", "3/s burst 9; 20/10s sliding", "8/2s");

    /** Two instances share a store, and one of them has a cache. The other one only acquires. */
    @Property(tries = 1_000)
    void deniesNothingThatTheStoreWouldGrant(@ForAll("operations") List<Operation> operations) {
        assertDeniesLikeTheStore(
                operations.stream()
                        .filter(operation -> !operation.other || operation.verb.equals("acquire"))
                        .toList(),
                LONG);
    }

    /** The other instance refunds and resets too, which the cache does not notice before the maximum age. */
    @Property(tries = 1_000)
    void deniesPermitsRefundedElsewhereAtMostForTheMaximumAge(@ForAll("operations") List<Operation> operations) {
        assertDeniesLikeTheStore(operations, Duration.ofMillis(100));
    }

    private void assertDeniesLikeTheStore(List<Operation> operations, Duration maxAge) {
        micros.addAndGet(1_000_000_000);
        MemoryBackend shared = new MemoryBackend(micros::get, 100);
        DenyCache cached = new DenyCache(shared, micros::get, maxAge);
        long refundedElsewhereAt = 0;
        int limits = 0;
        for (Operation operation : operations) {
            micros.addAndGet(operation.gapMicros);
            Policy policy = Policy.of("p", LIMITS.get(limits));
            RateLimitBackend instance = operation.other ? shared : cached;
            switch (operation.verb) {
                case "acquire" -> {
                    Decision expected =
                            shared.peek(policy, "k", operation.permits).join();
                    Decision made = Await.result(instance.acquire(policy, "k", operation.permits));
                    boolean mayBeStale = micros.get() - refundedElsewhereAt < maxAge.toNanos() / 1_000;
                    if (!mayBeStale) {
                        assertEquals(expected.allowed(), made.allowed());
                        if (operation.permits == 1 && !expected.allowed()) {
                            assertEquals(expected.retryAfterMicros(), made.retryAfterMicros());
                            assertEquals(0, made.remaining());
                        }
                    }
                    assertFalse(made.allowed() && !expected.allowed());
                }
                case "refund" -> Await.result(instance.refund(policy, "k", operation.permits, LimitState.LATEST));
                case "reset" -> Await.result(instance.reset(policy, "k"));
                default -> {
                    limits = (limits + (int) operation.permits) % LIMITS.size();
                    Await.result(cached.acquire(Policy.of("p", LIMITS.get(limits)), "k", 1));
                }
            }
            if (operation.other && !operation.verb.equals("acquire")) {
                refundedElsewhereAt = micros.get();
            }
        }
    }

    /** Counts calls, and holds or replaces answers. */
    private static final class CountingStore extends ForwardingBackend {

        private int calls;
        private @Nullable Decision answer;
        private @Nullable CompletableFuture<Void> held;

        CountingStore(RateLimitBackend store) {
            super(store);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            calls++;
            if (answer != null) {
                return CompletableFuture.completedFuture(answer);
            }
            CompletionStage<Decision> decided = delegate().acquire(policy, key, permits);
            return held == null ? decided : held.thenCombine(decided, (none, decision) -> decision);
        }

        @Override
        public Decision acquireBlocking(Policy policy, String key, long permits) {
            return awaitAcquire(policy, key, permits);
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
            calls++;
            return delegate().acquireAll(requests);
        }
    }
}
