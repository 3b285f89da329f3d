package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** The guard from the first failed call until the store decides again. */
class OutageTest {

    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Policy LOCAL = Policy.of("local", "100/day");

    private final AtomicLong micros = new AtomicLong(1_000_000_000_000_000L);
    private final Store store = new Store();
    private final StoreLog log = new StoreLog();
    private @Nullable Guard guard;

    /** Threads that ask for a logger while SLF4J starts would get a substitute. */
    @BeforeAll
    static void startLogging() {
        LoggerFactory.getILoggerFactory();
    }

    @AfterEach
    void close() {
        log.close();
        if (guard != null) {
            guard.close();
        }
    }

    private Guard guard(int instances) {
        return guard(instances, LONG);
    }

    private Guard guard(int instances, Duration deadline) {
        Guard made = new Guard(store, log.store(), deadline, instances, micros::get, failure -> {});
        guard = made;
        return made;
    }

    private static Decision acquire(Guard guard, Policy policy, String key, long permits) {
        return Await.result(guard.acquire(policy, key, permits));
    }

    private void endOutage(Guard guard) {
        store.failure = null;
        awaitEnd(guard);
    }

    private static void awaitEnd(Guard guard) {
        Await.until("the store is settled", guard::isSettled);
    }

    private int logged(Level level) {
        return log.lines(level).size();
    }

    private long spent(Policy policy, String key) {
        return policy.capacity() - store.memory.peek(policy, key, 0).join().remaining();
    }

    @Test
    void outageIsLoggedWhenItBeginsAndWhenItEnds() {
        Guard guard = guard(1);
        store.failure = Unavailable::new;
        for (int i = 0; i < 50; i++) {
            acquire(guard, LOCAL, "key", 1);
        }
        assertFalse(guard.isCallingStore());
        assertEquals(10, store.calls, "the breaker opened after 10 calls");
        assertEquals(
                List.of("The rate limit store \"" + log.store() + "\" does not answer. The on-error setting of each "
                        + "policy decides until it answers: " + Unavailable.class.getName()),
                log.lines());
        endOutage(guard);
        assertEquals(1, logged(Level.WARN));
        assertEquals(1, logged(Level.INFO));
        String end = log.lines().get(1);
        assertTrue(end.endsWith("50 permits that were granted locally have been charged to it."), end);
        assertEquals(50, spent(LOCAL, "key"));
    }

    @Test
    void secondOutageIsLoggedAndEndedLikeTheFirst() {
        Guard guard = guard(1);
        for (int outage = 1; outage <= 3; outage++) {
            store.failure = Unavailable::new;
            for (int i = 0; i < 20; i++) {
                acquire(guard, LOCAL, "key", 1);
            }
            assertFalse(guard.isCallingStore());
            endOutage(guard);
            assertEquals("CLOSED", guard.stats().breaker());
            assertEquals(outage, logged(Level.WARN));
            assertEquals(outage, logged(Level.INFO));
            assertEquals(20L * outage, spent(LOCAL, "key"));
        }
    }

    @Test
    void permitsRefilledDuringAnOutageAreNotCharged() {
        Guard guard = guard(1);
        Policy quick = Policy.of("quick", "10/s");
        store.failure = Unavailable::new;
        for (int i = 0; i < 10; i++) {
            assertTrue(acquire(guard, quick, "key", 1).allowed());
        }
        micros.addAndGet(600_000);
        endOutage(guard);
        assertEquals(4, spent(quick, "key"));
    }

    @Test
    void chargeAfterAnOutageTakesNoMoreThanTheStoreHasLeft() {
        Guard guard = guard(1);
        store.failure = Unavailable::new;
        acquire(guard, LOCAL, "key", 60);
        store.memory.acquireBlocking(LOCAL, "key", 70);
        endOutage(guard);
        assertEquals(100, spent(LOCAL, "key"));
    }

    @Test
    void chargeUnderSeveralLimitsIsTheLargestWithinOneRequest() {
        Guard guard = guard(1);
        Policy several = Policy.of("several", "10/s; 100/day");
        store.failure = Unavailable::new;
        for (int i = 0; i < 3; i++) {
            assertTrue(acquire(guard, several, "key", 5).allowed());
            micros.addAndGet(1_000_000);
        }
        endOutage(guard);
        assertEquals(
                10,
                100
                        - store.memory
                                .peek(Policy.of("several", "100/day"), "key", 0)
                                .join()
                                .remaining());
    }

    @Test
    void boundedNumberOfKeysIsCharged() {
        Guard guard = guard(1);
        store.failure = Unavailable::new;
        for (int i = 0; i < UnsettledCharges.MAX_KEYS + 500; i++) {
            acquire(guard, LOCAL, "key-" + i, 1);
        }
        acquire(guard, LOCAL, "x".repeat(UnsettledCharges.MAX_KEY_LENGTH + 1), 1);
        endOutage(guard);
        long charged = store.memory.liveKeys();
        assertTrue(
                charged >= UnsettledCharges.MAX_KEYS && charged <= UnsettledCharges.MAX_KEYS + PartHealth.MAX_PROBES,
                () -> charged + " keys");
    }

    @Test
    void refundAndResetDuringAnOutageReduceTheCharge() {
        Guard guard = guard(1);
        store.failure = Unavailable::new;
        for (String key : List.of("kept", "refunded", "reset")) {
            acquire(guard, LOCAL, key, 5);
        }
        assertThrows(
                CompletionException.class, () -> Await.result(guard.refund(LOCAL, "refunded", 2, LimitState.LATEST)));
        assertEquals(97, Await.result(guard.peek(LOCAL, "refunded", 0)).remaining());
        assertThrows(CompletionException.class, () -> Await.result(guard.reset(LOCAL, "reset")));
        endOutage(guard);
        assertEquals(
                List.of(5L, 3L, 0L), List.of(spent(LOCAL, "kept"), spent(LOCAL, "refunded"), spent(LOCAL, "reset")));
    }

    @Test
    void eachInstanceGrantsItsShareDuringAnOutage() {
        Guard guard = guard(3);
        store.failure = Unavailable::new;
        Policy policy = Policy.of("p", "9/day fixed; 5/s");
        int granted = 0;
        Decision last = acquire(guard, policy, "key", 1);
        while (last.allowed()) {
            granted++;
            last = acquire(guard, policy, "key", 1);
        }
        assertEquals(1, granted, "5/s among 3 instances is a burst of 1");
        assertEquals(List.of(Limit.parse("5/s")), last.deniedBy());
        assertEquals(600_000, last.retryAfterMicros());
        micros.addAndGet(600_000);
        assertTrue(acquire(guard, policy, "key", 1).allowed());

        Decision expensive = acquire(guard, policy, "other", 2);
        assertEquals(1_000_000, expensive.retryAfterMicros(), "a request beyond the share may pass after the outage");
        assertEquals(LimitState.NEVER, acquire(guard, policy, "other", 6).retryAfterMicros());
    }

    @Test
    void permanentFailureIsAnErrorAndDoesNotOpenTheBreaker() {
        Guard guard = guard(1);
        store.failure = () -> new NonRetryableStoreException(new IllegalStateException("WRONGTYPE"));
        for (int i = 0; i < 150; i++) {
            assertEquals(
                    Decision.Source.FALLBACK,
                    acquire(guard, LOCAL, "key-" + i, 1).source());
        }
        assertEquals(150, store.calls);
        assertEquals(150, guard.stats().permanentFailures());
        assertEquals(0, guard.stats().failures());
        assertEquals("CLOSED", guard.stats().breaker());
        assertFalse(guard.inOutage());
        assertEquals(3, logged(Level.ERROR), "the 1st, the 10th and the 100th failure");
        String last = log.lines().get(2);
        assertTrue(last.endsWith("The on-error setting of the policy decided; 100 such calls so far."), last);
    }

    @Test
    void deadlineOfThePolicyTakesPrecedence() {
        store.hangs = true;
        Guard guard = guard(1);
        Policy hasty =
                Policy.of("hasty", LOCAL.rateLimits()).withOnError(OnError.OPEN).withDeadline(Duration.ofMillis(1));
        assertEquals(Decision.Source.FALLBACK, acquire(guard, hasty, "key", 1).source());
        assertEquals(
                Decision.Source.FALLBACK,
                Await.result(guard.acquireAll(
                                List.of(new PermitRequest(LOCAL, "key", 1), new PermitRequest(hasty, "key", 1))))
                        .get(0)
                        .source());
    }

    @Test
    void lateCallIsCancelledAndNotChargedAgain() {
        store.hangs = true;
        Guard guard = guard(1);
        Policy hasty = Policy.of("hasty", LOCAL.rateLimits()).withDeadline(Duration.ofMillis(1));
        assertTrue(acquire(guard, hasty, "key", 5).allowed());
        Await.until("the stage of the store is cancelled", () -> store.last.isCancelled());
        store.hangs = false;
        awaitEnd(guard);
        assertEquals(0, spent(hasty, "key"));
    }

    /** The client timed out or the connection broke before the deadline. */
    @Test
    void callThatMayHaveBeenExecutedIsNotChargedAgain() {
        Guard guard = guard(1);
        store.failure = () -> new TimeoutException("no answer");
        assertTrue(acquire(guard, LOCAL, "key", 5).allowed());
        store.failure = Unavailable::new;
        assertTrue(acquire(guard, LOCAL, "key", 3).allowed());
        endOutage(guard);
        assertEquals(3, spent(LOCAL, "key"));
        assertEquals(5, guard.stats().unchargedPermits());
    }

    @Test
    void permitsThatAreNeverChargedAreCounted() {
        Guard guard = guard(1);
        Policy open = Policy.of("open", "10/day").withOnError(OnError.OPEN);
        Policy closed = Policy.of("closed", "10/day").withOnError(OnError.CLOSED);
        store.failure = Unavailable::new;
        assertTrue(acquire(guard, LOCAL, "key", 7).allowed());
        assertFalse(acquire(guard, LOCAL, "key", 94).allowed());
        assertFalse(acquire(guard, closed, "key", 1).allowed());
        Await.result(guard.peek(LOCAL, "key", 1));
        assertEquals(0, guard.stats().unchargedPermits(), "those granted are charged later");
        assertTrue(acquire(guard, open, "key", 4).allowed());
        assertEquals(4, guard.stats().unchargedPermits());
        Await.result(guard.acquireAll(List.of(new PermitRequest(open, "key", 2), new PermitRequest(LOCAL, "key", 1))));
        assertEquals(6, guard.stats().unchargedPermits());
        Await.result(guard.acquireAll(List.of(new PermitRequest(open, "key", 2), new PermitRequest(closed, "key", 1))));
        assertEquals(6, guard.stats().unchargedPermits(), "nothing was granted");
        // Other instances have spent all but 5 permits meanwhile.
        assertTrue(store.memory.acquire(LOCAL, "key", 95).join().allowed());
        endOutage(guard);
        assertEquals(100, spent(LOCAL, "key"));
        assertEquals(6 + 3, guard.stats().unchargedPermits());
    }

    /** If the store has executed the refund, a smaller charge would give the permits back once more. */
    @Test
    void refundThatMayHaveBeenExecutedReducesNoCharge() {
        Guard guard = guard(1);
        store.failure = Unavailable::new;
        assertTrue(acquire(guard, LOCAL, "key", 5).allowed());
        store.failure = () -> new TimeoutException("no answer");
        assertThrows(CompletionException.class, () -> Await.result(guard.refund(LOCAL, "key", 2, LimitState.LATEST)));
        endOutage(guard);
        assertEquals(5, spent(LOCAL, "key"));
    }

    /** Leaves 5 permits unsettled. Returns the call that charges them, after the guard has stopped waiting for it. */
    private CompletableFuture<Decision> lateCharge() {
        Guard guard = guard(1, Duration.ofMillis(20));
        store.chargesHang = true;
        store.failure = Unavailable::new;
        assertTrue(acquire(guard, LOCAL, "key", 5).allowed());
        endOutage(guard);
        assertEquals(1, store.charges, "the late charge is not repeated");
        store.chargesHang = false;
        assertFalse(store.last.isDone(), "the charge has no result yet");
        return store.last;
    }

    @Test
    void lateChargeThatFailsIsRepeated() {
        CompletableFuture<Decision> late = lateCharge();
        late.completeExceptionally(new Unavailable());
        awaitEnd(current());
        assertEquals(5, spent(LOCAL, "key"));
    }

    @Test
    void lateChargeThatSucceedsOrNeverAnswersIsNotRepeated() {
        lateCharge().complete(store.memory.acquireBlocking(LOCAL, "key", 5));
        assertFalse(current().inOutage());
        assertEquals(5, spent(LOCAL, "key"));
        current().close();

        store.charges = 0;
        lateCharge().completeExceptionally(new TimeoutException("no answer"));
        assertFalse(current().inOutage());
        assertEquals(5, spent(LOCAL, "key"));
    }

    private Guard current() {
        Guard current = guard;
        if (current == null) {
            throw new AssertionError("no guard");
        }
        return current;
    }

    @Test
    void closedGuardProbesNoMore() {
        Guard guard = guard(1);
        store.failure = Unavailable::new;
        for (int i = 0; i < 20; i++) {
            acquire(guard, LOCAL, "key", 1);
        }
        guard.close();
        Await.until("the recovery thread has stopped", () -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().equals("ratelimit-recovery-" + log.store())));
        int before = store.calls;
        int probes = store.probes;
        acquire(guard, LOCAL, "key", 1);
        assertEquals(before, store.calls);
        assertEquals(probes, store.probes);
        assertEquals(0, logged(Level.INFO));
    }

    private static final class Unavailable extends RuntimeException {

        private static final long serialVersionUID = 1L;
    }

    private final class Store implements RateLimitBackend {

        private final MemoryBackend memory = new MemoryBackend(micros::get, 100_000);
        private volatile @Nullable Supplier<? extends Throwable> failure;
        private volatile boolean hangs;
        /** A round of the recovery may come before the calls that a test makes, if the machine is busy. */
        private volatile boolean chargesHang;

        private volatile int calls;
        private volatile int charges;
        private volatile int probes;
        private volatile CompletableFuture<Decision> last = new CompletableFuture<>();

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            boolean recovers = Thread.currentThread().getName().startsWith("ratelimit-recovery");
            if (policy.name().equals("ratelimit-probe")) {
                probes++;
                return answer(() -> memory.acquire(policy, key, permits));
            }
            if (recovers) {
                charges++;
            } else {
                calls++;
            }
            last = hangs || recovers && chargesHang
                    ? new CompletableFuture<>()
                    : answer(() -> memory.acquire(policy, key, permits)).toCompletableFuture();
            return last;
        }

        private <T> CompletionStage<T> answer(Supplier<CompletionStage<T>> call) {
            Supplier<? extends Throwable> now = failure;
            return now == null ? call.get() : CompletableFuture.failedFuture(now.get());
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return answer(() -> memory.peek(policy, key, permits));
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return answer(() -> memory.refund(policy, key, permits, chargedAtMicros));
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return answer(() -> memory.reset(policy, key));
        }
    }
}
