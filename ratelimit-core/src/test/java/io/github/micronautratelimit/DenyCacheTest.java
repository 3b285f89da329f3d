package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.memory.MemoryBackend;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

class DenyCacheTest {

    private static final Duration LONG = Duration.ofDays(1);

    private final AtomicLong micros = new AtomicLong(1_000_000_000_000_000L);
    private final MemoryBackend memory = new MemoryBackend(micros::get, 100_000);
    private final Counted store = new Counted(memory);
    private final DenyCache cache = new DenyCache(store, micros::get, LONG);
    private final Policy policy = Policy.of("p", "10/s");

    private Decision acquire(long permits) {
        return cache.acquire(policy, "key", permits).toCompletableFuture().join();
    }

    @Test
    void aDenialHoldsUntilTheInstantTheStoreNamedAndNotAMicrosecondLonger() {
        acquire(10);
        Decision denied = acquire(1);
        assertEquals(new Decision.Denied(0, 100_000, 1_000_000, policy.limits(), Decision.Source.STORE), denied);
        micros.addAndGet(99_999);
        assertEquals(new Decision.Denied(0, 1, 900_001, policy.limits(), Decision.Source.DENY_CACHE), acquire(1));
        assertEquals(2, store.calls);
        micros.addAndGet(1);
        assertEquals(new Decision.Allowed(0, 1_000_000, Decision.Source.STORE), acquire(1));
        assertEquals(3, store.calls);
    }

    @Test
    void whoWaitsIsAnsweredAlike() {
        cache.acquireBlocking(policy, "key", 10);
        assertEquals(Decision.Source.STORE, cache.acquireBlocking(policy, "key", 1).source());
        assertEquals(Decision.Source.DENY_CACHE, cache.acquireBlocking(policy, "key", 1).source());
        assertEquals(2, store.calls);
    }

    @Test
    void aCheaperRequestMayPassAndADearerOneIsToldItsOwnTime() {
        acquire(6);
        assertEquals(100_000, acquire(5).retryAfterMicros());
        assertEquals(Decision.Source.DENY_CACHE, acquire(5).source());
        assertEquals(300_000, acquire(7).retryAfterMicros(), "asked the store");
        assertEquals(Decision.Source.DENY_CACHE, acquire(5).source(), "the least cost denied is what is remembered");
        assertTrue(acquire(4).allowed());
    }

    @Test
    void whatCanNeverPassIsAskedAgain() {
        assertEquals(Decision.NEVER, acquire(11).retryAfterMicros());
        assertEquals(Decision.Source.STORE, acquire(11).source());
    }

    @Test
    void aRefundAndAResetAreSeenAtOnce() {
        acquire(10);
        assertFalse(acquire(1).allowed());
        cache.refund(policy, "key", 1).toCompletableFuture().join();
        assertTrue(acquire(1).allowed());
        assertFalse(acquire(1).allowed());
        cache.reset(policy, "key").toCompletableFuture().join();
        assertTrue(acquire(1).allowed());
    }

    @Test
    void aRefundThatOvertakesADenialIsNotForgotten() {
        acquire(10);
        store.held = new CompletableFuture<>();
        CompletionStage<Decision> late = cache.acquire(policy, "key", 1);
        CompletableFuture<Void> held = store.held;
        store.held = null;
        cache.refund(policy, "key", 1).toCompletableFuture().join();
        held.complete(null);
        assertFalse(late.toCompletableFuture().join().allowed());
        assertTrue(acquire(1).allowed(), "the denial is from before the refund");
    }

    @Test
    void aBlockIsSeenAtOnceAndThenRemembered() {
        acquire(10);
        assertEquals(100_000, acquire(1).retryAfterMicros());
        cache.block(policy, "key", 5_000_000).toCompletableFuture().join();
        assertEquals(new Decision.Denied(0, 5_000_000, 5_000_000, policy.limits(), Decision.Source.STORE), acquire(1));
        micros.addAndGet(4_999_999);
        assertEquals(new Decision.Denied(0, 1, 1, policy.limits(), Decision.Source.DENY_CACHE), acquire(1));
        micros.addAndGet(1);
        assertTrue(acquire(10).allowed());
    }

    @Test
    void aDenialFromBeforeABlockIsNotRemembered() {
        acquire(10);
        store.held = new CompletableFuture<>();
        CompletionStage<Decision> late = cache.acquire(policy, "key", 1);
        CompletableFuture<Void> held = store.held;
        store.held = null;
        cache.block(policy, "key", 5_000_000).toCompletableFuture().join();
        held.complete(null);
        assertEquals(100_000, late.toCompletableFuture().join().retryAfterMicros());
        assertEquals(5_000_000, acquire(1).retryAfterMicros());
    }

    /** It is never granted meanwhile; what it is told may be from before, until its next call to the store. */
    @Test
    void aBlockByAnotherInstanceActsAtOnceAndIsToldByTheNextCall() {
        acquire(10);
        acquire(1);
        memory.block(policy, "key", 5_000_000).join();
        assertEquals(100_000, acquire(1).retryAfterMicros());
        assertEquals(5_000_000, acquire(2).retryAfterMicros());
        micros.addAndGet(100_000);
        assertEquals(4_900_000, acquire(1).retryAfterMicros());
    }

    @Test
    void aChangedLimitIsAskedAbout() {
        acquire(10);
        acquire(1);
        Policy raised = Policy.of("p", "20/s");
        assertTrue(cache.acquire(raised, "key", 1).toCompletableFuture().join().allowed());
        assertFalse(cache.acquire(Policy.of("p", "5/s"), "key", 1).toCompletableFuture().join().allowed());
    }

    @Test
    void whatAnotherInstanceGivesBackTakesEffectAtTheGreatestAge() {
        DenyCache second = new DenyCache(store, micros::get, Duration.ofMillis(20));
        acquire(10);
        assertFalse(second.acquire(policy, "key", 1).toCompletableFuture().join().allowed());
        cache.reset(policy, "key").toCompletableFuture().join();
        micros.addAndGet(19_999);
        assertFalse(second.acquire(policy, "key", 1).toCompletableFuture().join().allowed());
        micros.addAndGet(1);
        assertTrue(second.acquire(policy, "key", 1).toCompletableFuture().join().allowed());
    }

    @Test
    void whatWasDecidedWithoutTheStoreIsNotRemembered() {
        store.answer = new Decision.Denied(0, 500_000, 500_000, policy.limits(), Decision.Source.FALLBACK);
        assertFalse(acquire(1).allowed());
        store.answer = null;
        assertTrue(acquire(1).allowed());
    }

    @Test
    void ofSeveralPoliciesOneThatIsKnownToDenySettlesIt() {
        Policy other = Policy.of("other", "1/day");
        acquire(10);
        acquire(1);
        int before = store.calls;
        List<Decision> decisions = cache.acquireAll(List.of(new Ask(other, "key", 1), new Ask(policy, "key", 1)))
                .toCompletableFuture().join();
        assertEquals(before, store.calls);
        assertEquals(new Decision.Allowed(0, 0, Decision.Source.DENY_CACHE), decisions.get(0));
        assertEquals(new Decision.Denied(0, 100_000, 1_000_000, policy.limits(), Decision.Source.DENY_CACHE),
                decisions.get(1));
        assertTrue(cache.acquire(other, "key", 1).toCompletableFuture().join().allowed(), "it cost nothing");
        List<Ask> spent = List.of(new Ask(Policy.of("third", "9/s"), "key", 1), new Ask(other, "key", 1));
        assertEquals(Decision.Source.STORE, cache.acquireAll(spent).toCompletableFuture().join().get(1).source());
        assertEquals(Decision.Source.DENY_CACHE, cache.acquireAll(spent).toCompletableFuture().join().get(1).source());
    }

    @Test
    void whatOneRequestTakesTwiceIsNotHeldAgainstTheNext() {
        acquire(9);
        Ask ask = new Ask(policy, "key", 1);
        assertFalse(cache.acquireAll(List.of(ask, ask)).toCompletableFuture().join().get(1).allowed());
        assertTrue(acquire(1).allowed());
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 64, 65, 5_000})
    void aFloodOfKeysDoesNotGrowIt(int length) {
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

    /** What is done to one key by one or the other of two instances. */
    private record Act(boolean other, String verb, long permits, long gapMicros) {
    }

    @Provide
    Arbitrary<List<Act>> acts() {
        Arbitrary<String> verbs = Arbitraries.frequency(Tuple.of(20, "acquire"),
                Tuple.of(2, "refund"), Tuple.of(1, "reset"),
                Tuple.of(1, "change"));
        return Combinators.combine(Arbitraries.of(true, false), verbs, Arbitraries.longs().between(1, 4),
                Arbitraries.longs().between(0, 300_000)).as(Act::new).list().ofMinSize(10).ofMaxSize(120);
    }

    private static final List<String> LIMITS =
            List.of("5/s", "7/s sliding", "6/s fixed", "3/s burst 9; 20/10s sliding", "8/2s");

    /** Two instances share a store; only this one has a cache. The other takes, and gives back if so it shall. */
    @Property(tries = 1_000)
    void neverDeniesWhatTheStoreWouldGrant(@ForAll("acts") List<Act> acts) {
        deniesOnlyWhatTheStoreWould(acts.stream()
                .filter(act -> !act.other || act.verb.equals("acquire")).toList(), LONG);
    }

    /** What the other gives back is unknown here, but for no longer than the greatest age. */
    @Property(tries = 1_000)
    void deniesWhatWasGivenBackElsewhereNoLongerThanTheGreatestAge(@ForAll("acts") List<Act> acts) {
        deniesOnlyWhatTheStoreWould(acts, Duration.ofMillis(100));
    }

    private void deniesOnlyWhatTheStoreWould(List<Act> acts, Duration maxAge) {
        micros.addAndGet(1_000_000_000);
        MemoryBackend shared = new MemoryBackend(micros::get, 100);
        DenyCache here = new DenyCache(shared, micros::get, maxAge);
        long givenBackElsewhereAt = Long.MIN_VALUE;
        int limits = 0;
        for (Act act : acts) {
            micros.addAndGet(act.gapMicros);
            Policy now = Policy.of("p", LIMITS.get(limits));
            RateLimitBackend by = act.other ? shared : here;
            switch (act.verb) {
                case "acquire" -> {
                    Decision would = shared.peek(now, "k", act.permits).join();
                    Decision made = by.acquire(now, "k", act.permits).toCompletableFuture().join();
                    boolean mayNotKnow = micros.get() - givenBackElsewhereAt < maxAge.toNanos() / 1_000;
                    if (!mayNotKnow) {
                        assertEquals(would.allowed(), made.allowed());
                        if (act.permits == 1 && !would.allowed()) {
                            assertEquals(would.retryAfterMicros(), made.retryAfterMicros());
                            assertEquals(0, made.remaining());
                        }
                    }
                    assertFalse(made.allowed() && !would.allowed());
                }
                case "refund" -> by.refund(now, "k", act.permits).toCompletableFuture().join();
                case "reset" -> by.reset(now, "k").toCompletableFuture().join();
                default -> {
                    limits = (limits + (int) act.permits) % LIMITS.size();
                    here.acquire(Policy.of("p", LIMITS.get(limits)), "k", 1).toCompletableFuture().join();
                }
            }
            if (act.other && !act.verb.equals("acquire")) {
                givenBackElsewhereAt = micros.get();
            }
        }
    }

    /** Counts what reaches the store, and can hold an answer back. */
    private static final class Counted implements RateLimitBackend {

        private final RateLimitBackend store;
        private int calls;
        private @Nullable Decision answer;
        private @Nullable CompletableFuture<Void> held;

        Counted(RateLimitBackend store) {
            this.store = store;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            calls++;
            if (answer != null) {
                return CompletableFuture.completedFuture(answer);
            }
            CompletionStage<Decision> decided = store.acquire(policy, key, permits);
            return held == null ? decided : held.thenCombine(decided, (none, decision) -> decision);
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
            calls++;
            return store.acquireAll(asks);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return store.peek(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return store.refund(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return store.block(policy, key, micros);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return store.reset(policy, key);
        }
    }
}
