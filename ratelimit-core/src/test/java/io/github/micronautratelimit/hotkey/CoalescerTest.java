package io.github.micronautratelimit.hotkey;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.HeldStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CoalescerTest {

    private static final Duration FOREVER = Duration.ofDays(1);
    private static final Policy TEN = Policy.of("p", "10/day fixed");

    private final HeldStore store = new HeldStore();
    private final Coalescer coalescer = new Coalescer(store, FOREVER);

    private CompletableFuture<Decision> acquire(Policy policy, String key, long permits) {
        return coalescer.acquire(policy, key, permits).toCompletableFuture();
    }

    private CompletableFuture<Decision> acquire(long permits) {
        return acquire(TEN, "key", permits);
    }

    private static Throwable failure(CompletableFuture<Decision> answer) {
        assertTrue(answer.isDone());
        return assertThrows(CompletionException.class, answer::join).getCause();
    }

    @Test
    void firstCallOfAnIdleKeyGoesToTheStoreAtOnce() {
        CompletableFuture<Decision> first = acquire(3);
        assertEquals(List.of(3L), store.call(0).costs());
        store.call(0).decide();
        assertEquals(7, first.join().remaining());
        acquire(1);
        assertEquals(2, store.calls().size(), "idle again");
    }

    @Test
    void callersThatArriveDuringACallShareTheNextInOrder() {
        CompletableFuture<Decision> first = acquire(1);
        List<CompletableFuture<Decision>> waiting = List.of(acquire(5), acquire(9), acquire(4), acquire(1), acquire(0));
        assertEquals(1, store.calls().size());
        store.call(0).decide();
        assertEquals(9, first.join().remaining());
        assertEquals(2, store.calls().size());
        assertEquals(List.of(5L, 9L, 4L, 1L, 0L), store.call(1).costs());
        assertTrue(waiting.stream().noneMatch(CompletableFuture::isDone));
        store.call(1).decide();
        assertEquals(
                List.of(true, false, true, false, true),
                waiting.stream().map(answer -> answer.join().allowed()).toList());
        assertEquals(
                List.of(4L, 4L, 0L, 0L, 0L),
                waiting.stream().map(answer -> answer.join().remaining()).toList());
        assertEquals(0, coalescer.queues());
    }

    @Test
    void otherKeysAndOtherLimitsOfTheSameNameDoNotWait() {
        acquire(TEN, "key", 1);
        acquire(TEN, "other", 1);
        acquire(Policy.of("q", "10/day fixed"), "key", 1);
        acquire(Policy.of("p", "20/day fixed"), "key", 1);
        assertEquals(4, store.calls().size());
        acquire(Policy.of("p", "10/day fixed"), "key", 1);
        assertEquals(4, store.calls().size(), "an equal policy shares the call");
        assertEquals(4, coalescer.queues());
    }

    @Test
    void failedCallFailsItsOwnCallersOnly() {
        CompletableFuture<Decision> first = acquire(1);
        List<CompletableFuture<Decision>> second = List.of(acquire(1), acquire(1));
        Exception unavailable = new IllegalStateException("unavailable");
        store.call(0).fail(unavailable);
        assertSame(unavailable, failure(first));
        CompletableFuture<Decision> third = acquire(1);
        store.call(1).fail(unavailable);
        second.forEach(answer -> assertSame(unavailable, failure(answer)));
        assertFalse(third.isDone());
        store.call(2).decide();
        assertEquals(9, third.join().remaining());
        assertEquals(0, coalescer.queues());
    }

    @Test
    void callThatThrowsHasFailed() {
        RateLimitBackend throwing = new ForwardingBackend(new MemoryBackend()) {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                throw new IllegalStateException("unavailable");
            }
        };
        Coalescer coalescer = new Coalescer(throwing, FOREVER);
        assertInstanceOf(
                IllegalStateException.class,
                failure(coalescer.acquire(TEN, "key", 1).toCompletableFuture()));
        assertEquals(0, coalescer.queues());
    }

    @Test
    void answerWithTooFewDecisionsFailsAllCallers() {
        acquire(1);
        List<CompletableFuture<Decision>> waiting = List.of(acquire(1), acquire(1));
        store.call(0).decide();
        store.call(1).answer().complete(List.of(new Decision.Allowed(1, 1, Decision.Source.STORE)));
        waiting.forEach(answer -> assertInstanceOf(IllegalStateException.class, failure(answer)));
    }

    @Test
    void cancelledCallerIsDropped() {
        acquire(1);
        CompletableFuture<Decision> cancelled = acquire(1);
        CompletableFuture<Decision> waiting = acquire(2);
        cancelled.cancel(false);
        store.call(0).decide();
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).decide();
        assertEquals(7, waiting.join().remaining());
    }

    @Test
    void cancellationOfTheFirstCallerDoesNotAffectWaitingCallers() {
        CompletableFuture<Decision> cancelled = acquire(1);
        CompletableFuture<Decision> waiting = acquire(2);
        cancelled.cancel(false);
        assertEquals(1, store.calls().size());
        store.call(0).decide();
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).decide();
        assertEquals(7, waiting.join().remaining());
        assertEquals(0, coalescer.queues());
    }

    @Test
    void callersThatAGuardAnsweredAtTheDeadlineAreDroppedAndNotCharged() {
        Policy open = Policy.of("p", TEN.rateLimits()).withOnError(OnError.OPEN);
        try (Guard guard = new Guard(coalescer, "held", Duration.ofMillis(20), 1, MicroClock.system(), failure -> {})) {
            List<CompletableFuture<Decision>> late = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                late.add(guard.acquire(open, "key", 1).toCompletableFuture());
            }
            late.add(guard.acquire(open, "other", 1).toCompletableFuture());
            for (CompletableFuture<Decision> answer : late) {
                assertEquals(Decision.Source.FALLBACK, Await.result(answer).source());
            }
            assertEquals(2, coalescer.queues());
            store.call(0).decide();
            assertEquals(1, coalescer.queues());
            assertEquals(
                    1,
                    store.calls().stream()
                            .filter(call -> call.key().equals("key"))
                            .count());
            assertEquals(9, store.memory().peek(open, "key", 1).join().remaining());
        }
    }

    @Test
    void deadlineOfThePolicyIsTheTimeoutOfItsCallers() {
        Policy hasty =
                Policy.of("p", TEN.rateLimits()).withOnError(OnError.OPEN).withDeadline(Duration.ofMillis(50));
        CompletableFuture<Decision> stuck = acquire(hasty, "key", 1);
        CompletableFuture<Decision> timedOut = acquire(hasty, "key", 3);
        Await.untilPassed(System.nanoTime(), Duration.ofMillis(60));
        CompletableFuture<Decision> late = acquire(hasty, "key", 2);
        assertEquals(RateLimitBackendException.class, failure(timedOut).getClass());
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).decide();
        assertEquals(8, late.join().remaining());
        assertFalse(stuck.isDone());
    }

    @Test
    void deadlineOfZeroIsCoalescedWithTheUsualTimeout() {
        Policy unwaited = TEN.withDeadline(Duration.ZERO);
        acquire(unwaited, "key", 1);
        CompletableFuture<Decision> waiting = acquire(unwaited, "key", 2);
        store.call(0).decide();
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).decide();
        assertEquals(7, waiting.join().remaining());
    }

    @Test
    void permanentFailureReachesTheFirstAndTheWaitingCallersUnchanged() {
        CompletableFuture<Decision> first = acquire(1);
        List<CompletableFuture<Decision>> waiting = List.of(acquire(1), acquire(1));
        NonRetryableStoreException permanent = new NonRetryableStoreException(new IllegalStateException("wrong type"));
        store.call(0).fail(permanent);
        store.call(1).fail(permanent);
        assertSame(permanent, failure(first));
        waiting.forEach(answer -> assertSame(permanent, failure(answer)));
    }

    @Test
    void deadlineIsThatOfTheStore() {
        Coalescer coalescer = new Coalescer(
                new ForwardingBackend(new MemoryBackend()) {
                    @Override
                    public Duration deadline() {
                        return Duration.ofMillis(777);
                    }
                },
                FOREVER);
        assertEquals(Duration.ofMillis(777), coalescer.deadline());
    }

    @Test
    void thousandWaitingCallersPassACallThatDoesNotReturn() {
        CompletableFuture<Decision> stuck = acquire(1);
        List<CompletableFuture<Decision>> waiting = new ArrayList<>();
        for (int i = 0; i < 2 * KeyQueue.MAX_WAITING - 1; i++) {
            waiting.add(acquire(TEN, "key", 1));
        }
        assertEquals(2, store.calls().size());
        assertEquals(KeyQueue.MAX_WAITING, store.call(1).costs().size());
        waiting.add(acquire(1));
        assertEquals(3, store.calls().size());
        assertEquals(KeyQueue.MAX_WAITING, store.call(2).costs().size());
        store.call(1).decide();
        store.call(2).decide();
        assertEquals(
                10, waiting.stream().filter(answer -> answer.join().allowed()).count());
        assertFalse(stuck.isDone());
        assertEquals(0, coalescer.queues());
        store.call(0).decide();
        assertFalse(stuck.join().allowed());
        assertEquals(3, store.calls().size());
    }

    @Test
    void callerPassesACallOlderThanTheTimeoutAndTimedOutCallersAreNotCharged() {
        Coalescer hasty = new Coalescer(store, Duration.ofMillis(50));
        CompletableFuture<Decision> stuck = hasty.acquire(TEN, "key", 1).toCompletableFuture();
        CompletableFuture<Decision> timedOut = hasty.acquire(TEN, "key", 3).toCompletableFuture();
        Await.untilPassed(System.nanoTime(), Duration.ofMillis(60));
        CompletableFuture<Decision> late = hasty.acquire(TEN, "key", 2).toCompletableFuture();
        assertEquals(RateLimitBackendException.class, failure(timedOut).getClass());
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).decide();
        assertEquals(8, Await.result(late).remaining());
        assertFalse(stuck.isDone());
        assertEquals(0, hasty.queues());
    }

    @Test
    void nextCallIsMadeBeforeCallbacksOfTheAnswerRun() {
        CompletableFuture<Decision> first = acquire(1);
        CompletableFuture<Integer> callsSeen =
                first.thenApply(decision -> store.calls().size());
        acquire(1);
        store.call(0).decide();
        assertEquals(2, callsSeen.join());
    }

    @Test
    void peeksRefundsAndResetsPassThrough() {
        store.memory().acquire(TEN, "key", 6).join();
        acquire(1);
        assertEquals(4, Await.result(coalescer.peek(TEN, "key", 1)).remaining());
        Await.result(coalescer.refund(TEN, "key", 2, LimitState.LATEST));
        assertEquals(6, Await.result(coalescer.peek(TEN, "key", 1)).remaining());
        Await.result(coalescer.reset(TEN, "key"));
        assertEquals(10, Await.result(coalescer.peek(TEN, "key", 1)).remaining());
        assertEquals(1, store.calls().size());
    }

    @Test
    void timeoutIsOneMillisecondOrMore() {
        assertEquals(
                "The deadline is PT0S; write 1ms or more.",
                assertThrows(IllegalArgumentException.class, () -> new Coalescer(store, Duration.ZERO))
                        .getMessage());
    }

    /** Four instances with 64 callers each, on a store that answers late on other threads and sometimes fails. */
    @Test
    void concurrentCallersAreGrantedExactlyTheLimitInFewCalls() throws Exception {
        int instances = 4;
        int callers = 64;
        int requests = 100;
        MemoryBackend memory = new MemoryBackend();
        AtomicLong calls = new AtomicLong();
        ExecutorService storeThreads = Executors.newFixedThreadPool(4);
        ExecutorService callerThreads = Executors.newFixedThreadPool(instances * callers);
        List<Coalescer> coalescers = new ArrayList<>();
        for (int i = 0; i < instances; i++) {
            coalescers.add(new Coalescer(new LateStore(memory, storeThreads, calls), FOREVER));
        }
        Policy policy = Policy.of("hot", "5000/day fixed");
        CountDownLatch start = new CountDownLatch(1);
        AtomicLong failed = new AtomicLong();
        List<Future<Long>> grants = new ArrayList<>();
        for (int i = 0; i < instances * callers; i++) {
            Coalescer own = coalescers.get(i % instances);
            grants.add(callerThreads.submit(() -> {
                start.await();
                long granted = 0;
                for (int request = 0; request < requests; request++) {
                    try {
                        granted += own.acquire(policy, "key", 1)
                                        .toCompletableFuture()
                                        .get(60, TimeUnit.SECONDS)
                                        .allowed()
                                ? 1
                                : 0;
                    } catch (ExecutionException e) {
                        failed.incrementAndGet();
                    }
                }
                return granted;
            }));
        }
        start.countDown();
        long granted = 0;
        for (Future<Long> each : grants) {
            granted += each.get(60, TimeUnit.SECONDS);
        }
        callerThreads.shutdown();
        storeThreads.shutdown();
        assertEquals(5000, granted);
        assertTrue(failed.get() > 0, "some calls failed");
        assertTrue(calls.get() < instances * callers * requests / 4, () -> calls + " calls");
        assertTrue(coalescers.stream().allMatch(each -> each.queues() == 0));
    }

    /** Answers on threads of its own. About one call in a hundred fails before anything is charged. */
    private static final class LateStore extends ForwardingBackend {

        private final ExecutorService threads;
        private final AtomicLong calls;

        LateStore(MemoryBackend memory, ExecutorService threads, AtomicLong calls) {
            super(memory);
            this.threads = threads;
            this.calls = calls;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return acquireBatch(policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
        }

        @Override
        public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
            calls.incrementAndGet();
            return CompletableFuture.supplyAsync(
                    () -> {
                        LockSupport.parkNanos(500_000);
                        if (ThreadLocalRandom.current().nextInt(100) == 0) {
                            throw new IllegalStateException("unavailable");
                        }
                        return Await.result(super.acquireBatch(policy, key, permits));
                    },
                    threads);
        }
    }
}
