package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.HeldStore;
import io.github.micronautratelimit.testing.RecordingListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Leases during an outage of the store and after it. */
class LeaseOutageTest {

    private static final Duration LONG = Duration.ofSeconds(30);

    private final AtomicLong time = new AtomicLong(1_789_381_217_300_123L);
    private final Store store = new Store();
    private final RecordingListener listener = new RecordingListener();

    private RateLimiter limiter(Duration deadline, int instances) {
        return RateLimiter.builder(store)
                .name("store")
                .deadline(deadline)
                .instances(instances)
                .clock(time::get)
                .listeners(List.of(listener))
                .build();
    }

    private static Policy policy(String limits, OnError onError) {
        return Policy.of("p", limits).withOnError(onError);
    }

    private static List<Lease> leases(RateLimiter limiter, Policy policy, int requests) {
        List<Lease> leases = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            Lease lease = limiter.lease(policy, "key");
            if (lease.allowed()) {
                leases.add(lease);
            }
        }
        return leases;
    }

    private long free(Policy policy) {
        return Await.result(store.memory.concurrency().peek(policy, "key")).remaining();
    }

    private static LimiterStats.Store statsOf(RateLimiter limiter) {
        LimiterStats.Store stats = limiter.stats().store();
        assertNotNull(stats);
        return stats;
    }

    @Test
    void localFallbackCountsInThisProcessAndTheStoreLearnsOfIt() {
        try (RateLimiter limiter = limiter(LONG, 2)) {
            Policy policy = policy("6 concurrent", OnError.LOCAL);
            store.behaviour = Behaviour.FAIL;
            List<Lease> held = leases(limiter, policy, 5);
            assertEquals(3, held.size(), "half of the 6 slots");
            assertEquals(
                    Decision.Source.FALLBACK,
                    held.get(0).decisions().list().get(0).source());
            assertEquals(2, held.get(0).decisions().list().get(0).remaining());
            assertEquals(6, free(policy));
            endOutage(limiter);
            for (Lease lease : held) {
                assertTrue(Await.result(lease.renew()));
            }
            assertEquals(3, free(policy), "the store knows the holders");
            store.behaviour = Behaviour.FAIL;
            assertEquals(0, leases(limiter, policy, 5).size(), "the share of this process is held");
            Await.result(held.get(0).release().exceptionally(failure -> null));
            assertEquals(1, leases(limiter, policy, 5).size());
        }
    }

    @Test
    void holdersKeepTheirSlotsAndCountDuringAnOutage() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("3 concurrent", OnError.LOCAL);
            List<Lease> held = leases(limiter, policy, 2);
            store.behaviour = Behaviour.FAIL;
            time.addAndGet(20_000_000);
            for (Lease lease : held) {
                assertTrue(Await.result(lease.renew()) && lease.isHeld());
            }
            assertEquals(1, leases(limiter, policy, 3).size(), "two of three slots are held");
            time.addAndGet(20_000_000);
            assertTrue(Await.result(held.get(0).renew()));
            endOutage(limiter);
            assertEquals(3, free(policy), "the leases have expired in the store");
            for (Lease lease : held) {
                assertTrue(Await.result(lease.renew()) && lease.isHeld());
            }
            assertEquals(1, free(policy));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 6, 0", "1, 4, 2", "1, 0, 6", "3, 6, 0", "3, 2, 0", "3, 1, 1", "10, 0, 1", "10, 3, 0"})
    void slotsHeldBeforeTheOutageCountWhenItBegins(int instances, int before, int further) {
        try (RateLimiter limiter = limiter(LONG, instances)) {
            Policy policy = policy("6 concurrent", OnError.LOCAL);
            List<Lease> held = leases(limiter, policy, before);
            assertEquals(before, held.size());
            store.behaviour = Behaviour.FAIL;
            List<Lease> more = leases(limiter, policy, 12);
            assertEquals(further, more.size());
            held.forEach(lease -> Await.result(lease.release().exceptionally(failure -> null)));
            more.forEach(lease -> Await.result(lease.release().exceptionally(failure -> null)));
            assertEquals(Math.max(1, 6 / instances), leases(limiter, policy, 12).size(), "all were released");
        }
    }

    @Test
    void slotDeniedByTheStoreDoesNotCountLocally() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("2 concurrent", OnError.LOCAL);
            ConcurrencyBackend others = store.memory.concurrency();
            Await.result(others.acquire(policy, "key", new UUID(1, 1)));
            Await.result(others.acquire(policy, "key", new UUID(1, 2)));
            assertEquals(0, leases(limiter, policy, 3).size());
            store.behaviour = Behaviour.FAIL;
            assertEquals(2, leases(limiter, policy, 5).size());
        }
    }

    // Releases during an outage

    @ParameterizedTest
    @EnumSource(
            value = Behaviour.class,
            names = {"FAIL", "LOSE"})
    void slotsReleasedDuringAnOutageAreFreeAfterIt(Behaviour outage) {
        try (RateLimiter limiter = limiter(Duration.ofMillis(20), 1)) {
            for (OnError onError : OnError.values()) {
                Policy policy = Policy.of("p-" + onError, "6 concurrent").withOnError(onError);
                List<Lease> held = leases(limiter, policy, 6);
                assertEquals(6, held.size());
                store.behaviour = outage;
                held.subList(0, 4).forEach(Lease::close);
                assertEquals(0, free(policy));
                store.behaviour = Behaviour.ANSWER;
                Await.until("the slots are free", () -> free(policy) == 4);
                endOutage(limiter);
                assertEquals(4, free(policy), "the others are held");
                assertEquals(4, leases(limiter, policy, 8).size());
            }
        }
    }

    @Test
    void manySlotsReleasedDuringAnOutageAreFreeAfterIt() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("500 concurrent", OnError.CLOSED);
            List<Lease> held = leases(limiter, policy, 500);
            store.behaviour = Behaviour.FAIL;
            held.forEach(Lease::close);
            store.behaviour = Behaviour.ANSWER;
            Await.until("the slots are free", () -> free(policy) == 500);
        }
    }

    @Test
    void deniedRequestsOfAnOutageReleaseNothing() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("1 concurrent", OnError.CLOSED);
            store.behaviour = Behaviour.FAIL;
            assertEquals(0, leases(limiter, policy, 50).size());
            endOutage(limiter);
            assertEquals(0, store.released.get(), "the store has not executed any of their calls");
        }
    }

    @Test
    void holdersBeyondTheLimitAreNotHeldUntilASlotIsFree() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("2 concurrent", OnError.OPEN);
            store.behaviour = Behaviour.FAIL;
            List<Lease> held = leases(limiter, policy, 5);
            assertEquals(5, held.size(), "the fallback OPEN does not count");
            endOutage(limiter);
            assertEquals(
                    List.of(true, true, false, false, false),
                    held.stream().map(lease -> Await.result(lease.renew())).toList());
            assertEquals(
                    List.of(true, true, false, false, false),
                    held.stream().map(Lease::isHeld).toList());
            Await.result(held.get(0).release());
            assertTrue(Await.result(held.get(4).renew()));
            assertEquals(0, free(policy));
        }
    }

    @Test
    void slotThatTheStoreGrantsAfterADenialIsReleased() {
        Policy policy = policy("5/day fixed; 2 concurrent", OnError.CLOSED);
        try (RateLimiter limiter = limiter(Duration.ofMillis(5), 1)) {
            store.behaviour = Behaviour.EXECUTE_WITHOUT_ANSWER;
            Lease denied = limiter.lease(policy, "key");
            assertFalse(denied.allowed());
            assertFalse(denied.hasSlots());
            assertEquals(
                    Decision.Source.FALLBACK,
                    denied.decisions()
                            .list()
                            .get(denied.decisions().list().size() - 1)
                            .source());
            assertTrue(store.released.get() >= 1);
            assertEquals(2, free(policy));
            assertEquals(
                    5,
                    Await.result(store.memory.peek(policy.rateLimitsOnly(), "key", 0))
                            .remaining());
        }
    }

    @ParameterizedTest
    @EnumSource(OnError.class)
    void storeWithoutSlotsIsAPermanentFailureDecidedByOnError(OnError onError) {
        RateLimitBackend without = new HeldStore();
        Policy policy = policy("2 concurrent", onError);
        try (RateLimiter limiter = RateLimiter.builder(without).deadline(LONG).build()) {
            assertEquals(
                    onError == OnError.CLOSED ? 0 : onError == OnError.LOCAL ? 2 : 4,
                    leases(limiter, policy, 4).size());
            assertEquals(0, statsOf(limiter).failures());
            assertTrue(statsOf(limiter).permanentFailures() > 0);
        }
        NonRetryableStoreException thrown = assertThrows(
                NonRetryableStoreException.class,
                () -> RateLimiter.builder(without).unguarded().build().lease(policy, "key"));
        assertEquals(
                "The rate limit store cannot execute the call: HeldStore supports no concurrency limits; remove limits "
                        + "like \"5 concurrent\" or use another backend.",
                thrown.getMessage());
    }

    @Test
    void openLeaseIsRenewedAutomaticallyUntilItIsClosed() {
        RateLimiter limiter = RateLimiter.builder(store).unguarded().build();
        Policy policy = policy("1 concurrent lease 1s", OnError.CLOSED);
        Lease lease = limiter.lease(policy, "key");
        Await.until("the lease is renewed", () -> store.renewed.get() >= 4);
        assertTrue(lease.isHeld());
        lease.close();
        lease.close();
        long released = store.released.get();
        assertTrue(released == 1 || released == 2, "twice only if the release crossed a renewal");
        assertFalse(lease.isHeld());
        assertEquals(1, free(policy));
        long before = store.renewed.get();
        Lease other = limiter.lease(policy, "other");
        Await.until("the other lease is renewed", () -> store.renewed.get() >= before + 3);
        other.close();
        assertTrue(store.renewed.get() <= before + 5, "one of the two was renewed");
    }

    // A deadline of zero: the caller never waits

    private static PermitRequest unwaited(Policy policy) {
        return new PermitRequest(policy, "key", 1).withDeadline(Duration.ZERO);
    }

    private List<String> events() {
        return listener.events().stream()
                .map(event -> event.decision().allowed() + " " + event.source())
                .toList();
    }

    @Test
    void lateSlotOfAnAllowedLeaseWithoutWaitingBelongsToTheLease() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("2 concurrent", OnError.LOCAL);
            store.behaviour = Behaviour.ANSWER_LATER;
            Lease lease = limiter.leaseAll(List.of(unwaited(policy)));
            assertTrue(lease.allowed());
            assertEquals(
                    Decision.Source.FALLBACK, lease.decisions().list().get(0).source());
            store.answerNow();
            assertEquals(1, free(policy), "the store counts the holder of the lease");
            assertTrue(Await.result(lease.renew()));
            assertEquals(1, free(policy));
            Await.result(lease.release());
            assertEquals(2, free(policy));
            assertEquals(List.of("true FALLBACK"), events());
            assertEquals(List.of(), listener.failures());
            assertEquals(0, statsOf(limiter).failures());
        }
    }

    @Test
    void lateSlotOfADeniedLeaseWithoutWaitingIsReleased() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("2 concurrent", OnError.CLOSED);
            store.behaviour = Behaviour.GRANT_LATER;
            Lease lease = limiter.leaseAll(List.of(unwaited(policy)));
            assertFalse(lease.allowed());
            assertEquals(2, free(policy));
            store.answerNow();
            assertEquals(2, free(policy), "taken late and released");
            assertTrue(store.released.get() >= 1);
            assertEquals(List.of("false FALLBACK"), events());
            assertEquals(List.of(), listener.failures());
        }
    }

    @Test
    void lateDenialOfAnAllowedLeaseWithoutWaitingIsSeenByTheRenewal() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("1 concurrent", OnError.OPEN);
            Lease first = limiter.lease(policy, "key");
            store.behaviour = Behaviour.ANSWER_LATER;
            Lease second = limiter.leaseAll(List.of(unwaited(policy)));
            assertTrue(second.allowed());
            store.answerNow();
            assertFalse(Await.result(second.renew()), "the store has no free slot");
            assertFalse(second.isHeld());
            Await.result(first.release());
            assertTrue(Await.result(second.renew()));
            assertTrue(second.isHeld());
            assertEquals(0, free(policy));
        }
    }

    @Test
    void renewalsAndReleasesWaitDespiteADeadlineOfZero() {
        try (RateLimiter limiter = limiter(LONG, 1)) {
            Policy policy = policy("1 concurrent", OnError.OPEN);
            Lease lease = limiter.leaseAll(List.of(unwaited(policy)));
            assertEquals(Decision.Source.STORE, lease.decisions().list().get(0).source(), "answered at once");
            store.behaviour = Behaviour.ANSWER_LATER;
            CompletableFuture<Boolean> renewal = lease.renew().toCompletableFuture();
            assertFalse(renewal.isDone());
            store.answerNow();
            assertTrue(Await.result(renewal));
            store.behaviour = Behaviour.ANSWER_LATER;
            CompletableFuture<Void> release = lease.release().toCompletableFuture();
            assertFalse(release.isDone());
            store.answerNow();
            Await.result(release);
            assertEquals(1, free(policy));
        }
    }

    /** Lets the store answer, and waits until the guard calls it again. */
    private void endOutage(RateLimiter limiter) {
        store.behaviour = Behaviour.ANSWER;
        Await.until("the outage is over", () -> !statsOf(limiter).inOutage());
    }

    private enum Behaviour {
        ANSWER,
        /** Executes calls at once and answers later. */
        ANSWER_LATER,
        /** Executes requests for slots later. */
        GRANT_LATER,
        EXECUTE_WITHOUT_ANSWER,
        /** Neither executes nor answers. */
        LOSE,
        FAIL
    }

    /** Decides like the memory. */
    private final class Store implements RateLimitBackend, ConcurrencyBackend {

        private final MemoryBackend memory = new MemoryBackend(time::get, 100);
        private final AtomicLong renewed = new AtomicLong();
        private final AtomicLong released = new AtomicLong();
        private final List<Runnable> later = new ArrayList<>();
        private volatile Behaviour behaviour = Behaviour.ANSWER;

        /** Gives the answers that are due later, and answers at once from now on. */
        void answerNow() {
            behaviour = Behaviour.ANSWER;
            List.copyOf(later).forEach(Runnable::run);
            later.clear();
        }

        private <T> CompletionStage<T> answer(Supplier<CompletionStage<T>> call) {
            return switch (behaviour) {
                case ANSWER, GRANT_LATER -> call.get();
                case ANSWER_LATER -> answerLater(call.get());
                case EXECUTE_WITHOUT_ANSWER -> {
                    call.get();
                    yield new CompletableFuture<>();
                }
                case LOSE -> new CompletableFuture<>();
                case FAIL -> CompletableFuture.failedFuture(new IllegalStateException("unavailable"));
            };
        }

        private <T> CompletionStage<T> answerLater(CompletionStage<T> executed) {
            CompletableFuture<T> answer = new CompletableFuture<>();
            later.add(() -> answer.complete(Await.result(executed)));
            return answer;
        }

        @Override
        public ConcurrencyBackend concurrency() {
            return this;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
            if (behaviour == Behaviour.GRANT_LATER) {
                CompletableFuture<Decision> answer = new CompletableFuture<>();
                later.add(
                        () -> answer.complete(Await.result(memory.concurrency().acquire(policy, key, holder))));
                return answer;
            }
            return answer(() -> memory.concurrency().acquire(policy, key, holder));
        }

        @Override
        public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
            renewed.incrementAndGet();
            return answer(() -> memory.concurrency().renew(policy, key, holder));
        }

        @Override
        public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
            released.incrementAndGet();
            return answer(() -> memory.concurrency().release(policy, key, holder));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key) {
            return answer(() -> memory.concurrency().peek(policy, key));
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
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return memory.refund(policy, key, permits, chargedAtMicros);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return memory.reset(policy, key);
        }
    }
}
