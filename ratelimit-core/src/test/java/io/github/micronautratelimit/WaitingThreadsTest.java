package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.HeldStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Callers that wait in turn, with the threads and the clock of the process, or a store that answers late. */
@Execution(ExecutionMode.SAME_THREAD) // one of the cases measures the memory of the process
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WaitingThreadsTest {

    private static final Duration LONG = Duration.ofMinutes(10);
    private static final Policy TWO = Policy.of("two", "2/day");
    private static final Policy FAST = Policy.of("fast", "100/s burst 1");
    private static final int MANY = 10_000;

    private final VirtualWaiting time = new VirtualWaiting();

    @Test
    void blockingCallerReturnsWhenItsPermitIsFree() {
        try (RateLimiter limiter = RateLimiter.inMemory()) {
            long begun = System.nanoTime();
            for (int i = 0; i < 5; i++) {
                assertTrue(limiter.acquire(FAST, "key", 1, LONG).allowed());
            }
            assertTrue(System.nanoTime() - begun >= Duration.ofMillis(39).toNanos());
            assertFalse(limiter.acquire(FAST, "key", 2, LONG).allowed());
            assertTrue(limiter.acquire(TWO, "key", 2, Duration.ZERO).allowed());
            assertFalse(limiter.acquire(TWO, "key", 1, LONG).allowed());
        }
    }

    @Test
    void interruptedCallerLeavesTheQueue() {
        try (RateLimiter limiter = RateLimiter.inMemory()) {
            Policy slow = Policy.of("slow", "1/min");
            assertTrue(limiter.tryAcquire(slow, "key", 1).allowed());
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread caller = new Thread(() ->
                    thrown.set(assertThrows(CancellationException.class, () -> limiter.acquire(slow, "key", 1, LONG))));
            caller.start();
            Await.until("the caller waits", () -> limiter.stats().waiting() == 1);
            caller.interrupt();
            Await.until("the caller has left", () -> limiter.stats().waiting() == 0 && thrown.get() != null);
            assertEquals(
                    "The thread was interrupted while it waited for permits of the policy \"slow\"; they are not charged.",
                    thrown.get().getMessage());
        }
    }

    @Test
    void blockingCallbackDelaysNoOtherCaller() throws InterruptedException {
        CountDownLatch end = new CountDownLatch(1);
        try (RateLimiter limiter = RateLimiter.inMemory()) {
            assertTrue(limiter.tryAcquire(FAST, "key", 1).allowed());
            CompletableFuture<Void> blocking = limiter.async()
                    .acquire(FAST, "key", 1, LONG)
                    .thenAccept(decision -> assertTrue(awaited(end)))
                    .toCompletableFuture();
            assertTrue(
                    Await.result(limiter.async().acquire(FAST, "key", 1, LONG)).allowed());
            assertFalse(blocking.isDone());
            end.countDown();
            Await.result(blocking);
        }
    }

    private static boolean awaited(CountDownLatch latch) {
        try {
            latch.await();
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    @Test
    void manyCallersOfOneKeyTakeLittleMemoryAndNoThreads() {
        // The clock of the limits does not move, so no permit comes back.
        MemoryBackend memory = new MemoryBackend(() -> VirtualWaiting.EPOCH_MICROS, 100);
        try (RateLimiter limiter =
                RateLimiter.builder(memory).maxWaiting(MANY, MANY).build()) {
            Policy policy = Policy.of("many", "1000000/h");
            assertTrue(limiter.tryAcquire(policy, "key", policy.capacity()).allowed());
            int threads = Thread.activeCount();
            List<Long> measured = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                long before = usedBytes();
                List<CompletableFuture<Decision>> callers = new ArrayList<>(MANY);
                for (int j = 0; j < MANY; j++) {
                    callers.add(limiter.async()
                            .acquire(policy, "key", 90, Duration.ofHours(1))
                            .toCompletableFuture());
                }
                assertEquals(MANY, limiter.stats().waiting());
                measured.add(usedBytes() - before);
                // Threads of earlier tests may end or begin meanwhile.
                assertTrue(
                        Thread.activeCount() < threads + MANY / 100,
                        "Threads: " + Thread.getAllStackTraces().keySet());
                callers.forEach(caller -> caller.cancel(false));
                // The next measurement begins without the callers of this one.
                callers.clear();
                assertEquals(0, limiter.stats().waiting());
            }
            // Garbage of earlier measurements, and of other tests, is collected in between, so most differences are
            // too small.
            long most = Collections.max(measured);
            assertTrue(most > MANY && most <= 2_000_000, MANY + " callers take bytes: " + measured);
        }
    }

    private static long usedBytes() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            least = Math.min(
                    least,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return least;
    }

    /** A store whose answers the test gives; attempts happen in virtual time. */
    private RateLimiter on(HeldStore store) {
        RateLimiter limiter = time.builder(store).unguarded().build();
        CompletableFuture<Decision> spent =
                limiter.async().tryAcquire(FAST, "key", 1).toCompletableFuture();
        store.call(0).decide();
        assertTrue(spent.join().allowed());
        return limiter;
    }

    @Test
    void grantOfACancelledCallerGoesToTheNext() {
        HeldStore store = new HeldStore();
        RateLimiter limiter = on(store);
        CompletableFuture<Decision> first =
                limiter.async().acquire(FAST, "key", 1, LONG).toCompletableFuture();
        store.call(1).answer().complete(List.of(denied(10_000)));
        CompletableFuture<Decision> second =
                limiter.async().acquire(FAST, "key", 1, LONG).toCompletableFuture();
        time.passMillis(10);
        assertEquals(3, store.calls().size());
        first.cancel(true);
        store.call(2).answer().complete(List.of(new Decision.Allowed(0, 10_000, Decision.Source.STORE)));
        assertTrue(second.join().allowed());
        assertEquals(0, limiter.stats().waiting());
    }

    @Test
    void grantOfTheOnlyCallerThatCancelsIsGivenBack() {
        HeldStore store = new HeldStore();
        RateLimiter limiter = on(store);
        CompletableFuture<Decision> only =
                limiter.async().acquire(TWO, "key", 2, LONG).toCompletableFuture();
        only.cancel(true);
        store.call(1).decide();
        assertEquals(2, Await.result(store.memory().peek(TWO, "key", 0)).remaining());
        assertEquals(0, limiter.stats().waiting());
        assertThrows(CancellationException.class, only::join);
    }

    @Test
    void attemptIsNotRepeatedWhileItIsUnderWay() {
        HeldStore store = new HeldStore();
        RateLimiter limiter = on(store);
        limiter.async().acquire(FAST, "key", 1, LONG);
        store.call(1).answer().complete(List.of(denied(10_000)));
        for (int i = 0; i < 10; i++) {
            limiter.async().acquire(FAST, "key", 1, LONG);
        }
        time.passMillis(5_000);
        assertEquals(3, store.calls().size());
        store.call(2).fail(new IllegalStateException("on purpose"));
        assertEquals(4, store.calls().size(), "the failure is that of the first caller alone");
        assertEquals(10, limiter.stats().waiting());
        limiter.close();
        assertEquals(0, limiter.stats().waiting());
    }

    @Test
    void failureOfTheFirstAttemptReachesTheCaller() {
        HeldStore store = new HeldStore();
        RateLimiter limiter = on(store);
        CompletableFuture<Decision> caller =
                limiter.async().acquire(FAST, "key", 1, LONG).toCompletableFuture();
        store.call(1).fail(new IllegalStateException("on purpose"));
        assertEquals(
                "on purpose",
                assertThrows(CompletionException.class, caller::join).getCause().getMessage());
    }

    private static Decision denied(long retryAfterMicros) {
        return new Decision.Denied(0, retryAfterMicros, retryAfterMicros, FAST.rateLimits(), Decision.Source.STORE);
    }
}
