package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import io.github.micronautratelimit.memory.MemoryBackend;

/** Leases while a store cannot be asked, and afterwards. */
class LeaseOutageTest {

    private static final Duration LONG = Duration.ofSeconds(30);

    private final AtomicLong time = new AtomicLong(1_789_381_217_300_123L);
    private final Store store = new Store();

    private Guard guard(Duration deadline, int instances) {
        return new Guard(store, "store", deadline, instances, time::get, List.of());
    }

    private RateLimiter limiter(Guard guard) {
        MicroClock clock = time::get;
        return new RateLimiter(new DenyCache(new LocalLimit(guard, clock), clock, Duration.ofSeconds(1)), List.of());
    }

    private static Policy policy(String limits, OnError onError) {
        return new Policy("p", Limits.parse(limits), onError);
    }

    private static List<Lease> leases(RateLimiter limiter, Policy policy, int times) {
        List<Lease> leases = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            Lease lease = limiter.lease(policy, "key");
            if (lease.allowed()) {
                leases.add(lease);
            }
        }
        return leases;
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
    }

    private long free(Policy policy) {
        return join(store.memory.leases().peek(policy, "key")).remaining();
    }

    @Test
    void localCountsInThisProcessAndTellsTheStoreAtTheNextRenewal() {
        try (Guard guard = guard(LONG, 2)) {
            RateLimiter limiter = limiter(guard);
            Policy policy = policy("6 concurrent", OnError.LOCAL);
            store.mood = Mood.AWAY;
            List<Lease> held = leases(limiter, policy, 5);
            assertEquals(3, held.size(), "the half of 6");
            assertEquals(Decision.Source.FALLBACK, held.get(0).decisions().each().get(0).source());
            assertEquals(2, held.get(0).decisions().each().get(0).remaining());
            assertEquals(6, free(policy));
            answersAgain(guard);
            for (Lease lease : held) {
                assertTrue(join(lease.renew()));
            }
            assertEquals(3, free(policy), "the store knows of them");
            store.mood = Mood.AWAY;
            assertEquals(3, leases(limiter, policy, 5).size(), "and this process counts them no more");
        }
    }

    @Test
    void whoHoldsAPlaceKeepsItAndCountsWhileTheStoreIsAway() {
        try (Guard guard = guard(LONG, 1)) {
            RateLimiter limiter = limiter(guard);
            Policy policy = policy("3 concurrent", OnError.LOCAL);
            List<Lease> held = leases(limiter, policy, 2);
            store.mood = Mood.AWAY;
            time.addAndGet(20_000_000);
            for (Lease lease : held) {
                assertTrue(join(lease.renew()) && lease.isHeld());
            }
            assertEquals(1, leases(limiter, policy, 3).size(), "two of three are held");
            time.addAndGet(20_000_000);
            assertTrue(join(held.get(0).renew()));
            answersAgain(guard);
            assertEquals(3, free(policy), "the store has forgotten them");
            for (Lease lease : held) {
                assertTrue(join(lease.renew()) && lease.isHeld());
            }
            assertEquals(1, free(policy));
        }
    }

    @Test
    void whatFindsNoRoomAfterwardsIsNotHeldUntilThereIs() {
        try (Guard guard = guard(LONG, 1)) {
            RateLimiter limiter = limiter(guard);
            Policy policy = policy("2 concurrent", OnError.OPEN);
            store.mood = Mood.AWAY;
            List<Lease> held = leases(limiter, policy, 5);
            assertEquals(5, held.size(), "open counts nothing");
            answersAgain(guard);
            assertEquals(List.of(true, true, false, false, false),
                    held.stream().map(lease -> join(lease.renew())).toList());
            assertEquals(List.of(true, true, false, false, false), held.stream().map(Lease::isHeld).toList());
            join(held.get(0).release());
            assertTrue(join(held.get(4).renew()));
            assertEquals(0, free(policy));
        }
    }

    @Test
    void closedDeniesAndWhatTheStoreGrantedTooLateIsGivenBack() {
        Policy policy = policy("5/day fixed; 2 concurrent", OnError.CLOSED);
        try (Guard guard = guard(Duration.ofMillis(5), 1)) {
            store.mood = Mood.ANSWERS_NOBODY;
            Lease denied = limiter(guard).lease(policy, "key");
            assertFalse(denied.allowed());
            assertFalse(denied.hasPlaces());
            assertEquals(Decision.Source.FALLBACK, denied.decisions().each().get(denied.decisions().each().size() - 1).source());
            assertEquals(1, store.released.get());
            assertEquals(2, free(policy));
            assertEquals(5, join(store.memory.peek(policy.ratesOnly(), "key", 0)).remaining());
        }
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void aStoreThatKeepsNoPlacesIsADefectThatThePolicyAnswers(OnError onError) {
        RateLimitBackend without = new HeldStore();
        try (Guard guard = new Guard(without, LONG, List.of())) {
            RateLimiter limiter = new RateLimiter(guard, List.of());
            Policy policy = policy("2 concurrent", onError);
            assertEquals(onError == OnError.CLOSED ? 0 : onError == OnError.LOCAL ? 2 : 4,
                    leases(limiter, policy, 4).size());
            assertEquals(0, guard.failures());
            assertTrue(guard.defects() > 0);
        }
        RateLimitDefectException told = assertThrows(RateLimitDefectException.class,
                () -> new RateLimiter(without, List.of()).lease(policy("2 concurrent", onError), "key"));
        assertEquals("The rate limit store cannot do what it is asked: HeldStore keeps no places, so there are no limits like "
                + "\"5 concurrent\" with it.", told.getMessage());
    }

    @Test
    void anOpenLeaseIsRenewedByItselfAndAClosedOneIsNot() {
        RateLimiter limiter = new RateLimiter(store, List.of());
        Policy policy = policy("1 concurrent lease 1s", OnError.CLOSED);
        Lease lease = limiter.lease(policy, "key");
        await(() -> store.renewed.get() >= 4);
        assertTrue(lease.isHeld());
        lease.close();
        lease.close();
        long released = store.released.get();
        assertTrue(released == 1 || released == 2, "once more only if it crossed a renewal");
        assertFalse(lease.isHeld());
        assertEquals(1, free(policy));
        long before = store.renewed.get();
        Lease other = limiter.lease(policy, "other");
        await(() -> store.renewed.get() >= before + 3);
        other.close();
        assertTrue(store.renewed.get() <= before + 5, "one of the two was renewed");
    }

    @Test
    void onAThreadThatMustNotWaitThePolicyDecidesAndWhatComesLaterIsGivenBack() {
        try (Guard guard = guard(LONG, 1)) {
            RateLimiter limiter = limiter(guard);
            Policy policy = policy("2 concurrent", OnError.LOCAL);
            store.mood = Mood.ANSWERS_LATER;
            Lease lease = limiter.leaseAllAtOnce(List.of(new Ask(policy, "key", 1)));
            assertTrue(lease.allowed());
            assertEquals(Decision.Source.FALLBACK, lease.decisions().each().get(0).source());
            store.mood = Mood.ANSWERS;
            store.later.forEach(Runnable::run);
            assertEquals(2, free(policy), "the place that came later");
            assertTrue(join(lease.renew()));
            assertEquals(1, free(policy));
            join(lease.release());
            assertEquals(2, free(policy));
        }
    }

    /** And is asked: the guard's breaker is closed. */
    private void answersAgain(Guard guard) {
        store.mood = Mood.ANSWERS;
        await(() -> !guard.inOutage());
    }

    private static void await(Supplier<Boolean> condition) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.get()) {
            assertTrue(System.nanoTime() - end < 0, "Waited in vain.");
            Thread.onSpinWait();
        }
    }

    private enum Mood {
        ANSWERS, ANSWERS_LATER, ANSWERS_NOBODY, AWAY
    }

    /** Does as memory does, and answers as its mood is. */
    private final class Store implements RateLimitBackend, LeaseBackend {

        private final MemoryBackend memory = new MemoryBackend(time::get, 100);
        private final AtomicLong renewed = new AtomicLong();
        private final AtomicLong released = new AtomicLong();
        private final List<Runnable> later = new ArrayList<>();
        private volatile Mood mood = Mood.ANSWERS;

        private <T> CompletionStage<T> answer(Supplier<CompletionStage<T>> done) {
            return switch (mood) {
                case ANSWERS -> done.get();
                case ANSWERS_LATER -> {
                    CompletableFuture<T> answer = new CompletableFuture<>();
                    CompletionStage<T> made = done.get();
                    later.add(() -> answer.complete(join(made)));
                    yield answer;
                }
                case ANSWERS_NOBODY -> {
                    done.get();
                    yield new CompletableFuture<>();
                }
                case AWAY -> CompletableFuture.failedFuture(new IllegalStateException("away"));
            };
        }

        @Override
        public LeaseBackend leases() {
            return this;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
            return answer(() -> memory.leases().acquire(policy, key, holder));
        }

        @Override
        public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
            renewed.incrementAndGet();
            return answer(() -> memory.leases().renew(policy, key, holder));
        }

        @Override
        public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
            released.incrementAndGet();
            return answer(() -> memory.leases().release(policy, key, holder));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key) {
            return answer(() -> memory.leases().peek(policy, key));
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return memory.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return memory.peek(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return memory.refund(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return memory.reset(policy, key);
        }
    }
}
