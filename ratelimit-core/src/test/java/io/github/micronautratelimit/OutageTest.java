package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;

/** What the guard does from the first failure until the store is believed again. */
class OutageTest {

    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Policy LOCAL = Policy.of("local", "100/day");

    private final AtomicLong micros = new AtomicLong(1_000_000_000_000_000L);
    private final Store store = new Store();
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private @Nullable Guard guard;

    @BeforeEach
    void listen() {
        log.start();
        ((Logger) LoggerFactory.getLogger(Guard.class)).addAppender(log);
    }

    @AfterEach
    void close() {
        ((Logger) LoggerFactory.getLogger(Guard.class)).detachAppender(log);
        if (guard != null) {
            guard.close();
        }
    }

    private Guard guard(int instances) {
        guard = new Guard(store, "test", LONG, instances, micros::get, List.of());
        return guard;
    }

    private static Decision acquire(Guard by, Policy policy, String key, long permits) {
        return by.acquire(policy, key, permits).toCompletableFuture().join();
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, () -> "still waiting until " + what);
            Thread.onSpinWait();
        }
    }

    private long logged(Level level) {
        return List.copyOf(log.list).stream().filter(event -> event.getLevel() == level).count();
    }

    private long spent(Policy policy, String key) {
        return policy.capacity() - store.memory.peek(policy, key, 0).join().remaining();
    }

    @Test
    void anOutageIsToldOnceWhenItBeginsAndOnceWhenItEnds() {
        Guard guard = guard(1);
        store.failure = Away::new;
        for (int i = 0; i < 50; i++) {
            acquire(guard, LOCAL, "key", 1);
        }
        assertEquals(State.OPEN, guard.breaker().getState());
        assertEquals(10, store.calls, "then the breaker was open");
        assertEquals(List.of("The rate limit store \"test\" cannot be asked, and each policy's on-error decides until it "
                + "can: " + Away.class.getName()),
                log.list.stream().map(ILoggingEvent::getFormattedMessage).toList());
        store.failure = null;
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(1, logged(Level.WARN));
        assertEquals(1, logged(Level.INFO));
        assertTrue(log.list.get(1).getFormattedMessage().endsWith("50 permits granted without it were charged to it."));
        assertEquals(50, spent(LOCAL, "key"));
    }

    @Test
    void whatHasComeBackMeanwhileIsNotCharged() {
        Guard guard = guard(1);
        Policy quick = Policy.of("quick", "10/s");
        store.failure = Away::new;
        for (int i = 0; i < 10; i++) {
            assertTrue(acquire(guard, quick, "key", 1).allowed());
        }
        micros.addAndGet(600_000);
        store.failure = null;
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(4, spent(quick, "key"));
    }

    @Test
    void ifOthersHaveSpentItTooAsMuchIsChargedAsIsLeft() {
        Guard guard = guard(1);
        store.failure = Away::new;
        acquire(guard, LOCAL, "key", 60);
        store.memory.acquireBlocking(LOCAL, "key", 70);
        store.failure = null;
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(100, spent(LOCAL, "key"));
    }

    @Test
    void ofSeveralLimitsWhatIsSpentOfAnyIsChargedAsFarAsOneRequestCan() {
        Guard guard = guard(1);
        Policy several = Policy.of("several", "10/s; 100/day");
        store.failure = Away::new;
        for (int i = 0; i < 3; i++) {
            assertTrue(acquire(guard, several, "key", 5).allowed());
            micros.addAndGet(1_000_000);
        }
        store.failure = null;
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(10, 100 - store.memory.peek(Policy.of("several", "100/day"), "key", 0).join().remaining());
    }

    @Test
    void manyKeysAreChargedButNotWithoutBound() {
        Guard guard = guard(1);
        store.failure = Away::new;
        for (int i = 0; i < Debts.MAX_KEYS + 500; i++) {
            acquire(guard, LOCAL, "key-" + i, 1);
        }
        acquire(guard, LOCAL, "x".repeat(Debts.MAX_KEY_LENGTH + 1), 1);
        store.failure = null;
        await("the outage is over", () -> !guard.inOutage());
        long charged = store.memory.liveKeys();
        assertTrue(charged >= Debts.MAX_KEYS && charged <= Debts.MAX_KEYS + 1, () -> "" + charged);
    }

    @Test
    void aRefundAndAResetOfWhatWasGrantedHereAreNotChargedLater() {
        Guard guard = guard(1);
        store.failure = Away::new;
        for (String key : List.of("kept", "refunded", "reset")) {
            acquire(guard, LOCAL, key, 5);
        }
        assertThrows(CompletionException.class, () -> guard.refund(LOCAL, "refunded", 2).toCompletableFuture().join());
        assertEquals(97, guard.peek(LOCAL, "refunded", 0).toCompletableFuture().join().remaining());
        assertThrows(CompletionException.class, () -> guard.reset(LOCAL, "reset").toCompletableFuture().join());
        store.failure = null;
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(List.of(5L, 3L, 0L), List.of(spent(LOCAL, "kept"), spent(LOCAL, "refunded"), spent(LOCAL, "reset")));
    }

    @Test
    void eachInstanceGrantsItsShareAlone() {
        Guard guard = guard(3);
        store.failure = Away::new;
        Policy policy = Policy.of("p", "9/day fixed; 5/s");
        int granted = 0;
        Decision last = acquire(guard, policy, "key", 1);
        while (last.allowed()) {
            granted++;
            last = acquire(guard, policy, "key", 1);
        }
        assertEquals(1, granted, "5/s among 3 is 1 at once");
        assertEquals(List.of(Limit.parse("5/s")), last.deniedBy());
        assertEquals(600_000, last.retryAfterMicros());
        micros.addAndGet(600_000);
        assertTrue(acquire(guard, policy, "key", 1).allowed());

        Decision dear = acquire(guard, policy, "other", 2);
        assertEquals(1_000_000, dear.retryAfterMicros(), "too much for a share may pass when the store is back");
        assertEquals(Decision.NEVER, acquire(guard, policy, "other", 6).retryAfterMicros());
    }

    @Test
    void aDefectIsAnErrorAndNoReasonToStopAsking() {
        Guard guard = guard(1);
        store.failure = () -> new RateLimitDefectException(new IllegalStateException("WRONGTYPE"));
        for (int i = 0; i < 150; i++) {
            assertEquals(Decision.Source.FALLBACK, acquire(guard, LOCAL, "key-" + i, 1).source());
        }
        assertEquals(150, store.calls);
        assertEquals(150, guard.defects());
        assertEquals(0, guard.failures());
        assertEquals(State.CLOSED, guard.breaker().getState());
        assertFalse(guard.inOutage());
        assertEquals(3, logged(Level.ERROR), "the first, the 10th and the 100th");
        assertTrue(log.list.get(2).getFormattedMessage().endsWith("on-error decided instead, 100 times so far."));
    }

    @Test
    void aPolicysOwnDeadlineGoesFirst() {
        store.hangs = true;
        Guard guard = guard(1);
        Policy hasty = new Policy("hasty", LOCAL.limits(), OnError.OPEN, Duration.ofMillis(1), List.of());
        assertEquals(Decision.Source.FALLBACK, acquire(guard, hasty, "key", 1).source());
        assertEquals(Decision.Source.FALLBACK, guard.acquireAll(List.of(new Ask(LOCAL, "key", 1), new Ask(hasty, "key", 1)))
                .toCompletableFuture().join().get(0).source());
    }

    @Test
    void whatIsLateIsCancelledAndNotChargedAgain() {
        store.hangs = true;
        Guard guard = guard(1);
        Policy hasty = new Policy("hasty", LOCAL.limits(), OnError.LOCAL, Duration.ofMillis(1), List.of());
        assertTrue(acquire(guard, hasty, "key", 5).allowed());
        await("the store's stage is cancelled", () -> store.last.isCancelled());
        store.hangs = false;
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(0, spent(hasty, "key"));
    }

    /** The client gave up, or the connection broke, before the deadline. */
    @Test
    void whatMayHaveBeenCarriedOutIsNotChargedAgain() {
        Guard guard = guard(1);
        store.failure = () -> new TimeoutException("no answer");
        assertTrue(acquire(guard, LOCAL, "key", 5).allowed());
        store.failure = Away::new;
        assertTrue(acquire(guard, LOCAL, "key", 3).allowed());
        store.failure = null;
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(3, spent(LOCAL, "key"));
    }

    /** Owes 5 permits, and returns the call that charges them when the guard does not wait for it any more. */
    private CompletableFuture<Decision> lateCharge() {
        guard = new Guard(store, "test", Duration.ofMillis(20), 1, micros::get, List.of());
        store.failure = Away::new;
        assertTrue(acquire(guard, LOCAL, "key", 5).allowed());
        store.hangs = true;
        store.failure = null;
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(2, store.calls);
        store.hangs = false;
        assertFalse(store.last.isDone(), "what it comes to is still to be learnt");
        return store.last;
    }

    @Test
    void aChargeThatIsLateAndThenFailsIsMadeAgain() {
        CompletableFuture<Decision> late = lateCharge();
        late.completeExceptionally(new Away());
        await("the outage is over", () -> !guard.inOutage());
        assertEquals(5, spent(LOCAL, "key"));
    }

    @Test
    void aChargeThatIsLateAndThenDoneOrNeverAnsweredIsNotMadeAgain() {
        lateCharge().complete(store.memory.acquireBlocking(LOCAL, "key", 5));
        assertFalse(guard.inOutage());
        assertEquals(5, spent(LOCAL, "key"));
        guard.close();

        store.calls = 0;
        lateCharge().completeExceptionally(new TimeoutException("no answer"));
        assertFalse(guard.inOutage());
        assertEquals(5, spent(LOCAL, "key"));
    }

    @Test
    void aClosedGuardTriesNoMore() {
        Guard guard = guard(1);
        store.failure = Away::new;
        for (int i = 0; i < 20; i++) {
            acquire(guard, LOCAL, "key", 1);
        }
        guard.close();
        await("its thread has ended", () -> !guard.inOutage());
        int before = store.calls;
        acquire(guard, LOCAL, "key", 1);
        assertEquals(before, store.calls);
        assertEquals(0, logged(Level.INFO));
    }

    private static final class Away extends RuntimeException {

        private static final long serialVersionUID = 1L;
    }

    private final class Store implements RateLimitBackend {

        private final MemoryBackend memory = new MemoryBackend(micros::get, 100_000);
        private volatile @Nullable Supplier<? extends Throwable> failure;
        private volatile boolean hangs;
        private volatile int calls;
        private volatile CompletableFuture<Decision> last = new CompletableFuture<>();

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            Supplier<? extends Throwable> now = failure;
            if (!policy.name().equals("ratelimit-probe")) {
                calls++;
            }
            last = hangs ? new CompletableFuture<>() : now != null ? CompletableFuture.failedFuture(now.get())
                    : memory.acquire(policy, key, permits);
            return last;
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            Supplier<? extends Throwable> now = failure;
            return now != null ? CompletableFuture.failedFuture(now.get()) : memory.peek(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            Supplier<? extends Throwable> now = failure;
            return now != null ? CompletableFuture.failedFuture(now.get()) : memory.refund(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            Supplier<? extends Throwable> now = failure;
            return now != null ? CompletableFuture.failedFuture(now.get()) : memory.reset(policy, key);
        }
    }
}
