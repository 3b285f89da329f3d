package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

import io.github.micronautratelimit.memory.MemoryBackend;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CoalescerTest {

    private static final Duration FOREVER = Duration.ofDays(1);
    private static final Policy TEN = Policy.of("p", "10/day fixed");

    private final HeldStore store = new HeldStore();
    private final Coalescer coalescer = new Coalescer(store, FOREVER);

    private CompletableFuture<Decision> ask(Policy policy, String key, long permits) {
        return coalescer.acquire(policy, key, permits).toCompletableFuture();
    }

    private CompletableFuture<Decision> ask(long permits) {
        return ask(TEN, "key", permits);
    }

    private static Throwable failure(CompletableFuture<Decision> answer) {
        assertTrue(answer.isDone());
        return assertThrows(CompletionException.class, answer::join).getCause();
    }

    @Test
    void theFirstCallOfAnIdleKeyGoesStraightThrough() {
        CompletableFuture<Decision> first = ask(3);
        assertEquals(List.of(3L), store.call(0).costs());
        store.call(0).isDecided();
        assertEquals(7, first.join().remaining());
        ask(1);
        assertEquals(2, store.calls().size(), "idle again");
    }

    @Test
    void whoComesWhileACallIsUnderWayGoesWithTheOthersInOrder() {
        CompletableFuture<Decision> first = ask(1);
        List<CompletableFuture<Decision>> waiting = List.of(ask(5), ask(9), ask(4), ask(1), ask(0));
        assertEquals(1, store.calls().size());
        store.call(0).isDecided();
        assertEquals(9, first.join().remaining());
        assertEquals(2, store.calls().size());
        assertEquals(List.of(5L, 9L, 4L, 1L, 0L), store.call(1).costs());
        assertTrue(waiting.stream().noneMatch(CompletableFuture::isDone));
        store.call(1).isDecided();
        assertEquals(List.of(true, false, true, false, true), waiting.stream().map(each -> each.join().allowed()).toList());
        assertEquals(List.of(4L, 4L, 0L, 0L, 0L), waiting.stream().map(each -> each.join().remaining()).toList());
        assertEquals(0, coalescer.lanes());
    }

    @Test
    void otherKeysAndOtherLimitsOfTheSameNameDoNotWait() {
        ask(TEN, "key", 1);
        ask(TEN, "other", 1);
        ask(Policy.of("q", "10/day fixed"), "key", 1);
        ask(Policy.of("p", "20/day fixed"), "key", 1);
        assertEquals(4, store.calls().size());
        ask(Policy.of("p", "10/day fixed"), "key", 1);
        assertEquals(4, store.calls().size(), "the same limits, though of another object");
        assertEquals(4, coalescer.lanes());
    }

    @Test
    void aFailureIsOfThoseTheCallWasMadeForAndTheOthersGoOn() {
        CompletableFuture<Decision> first = ask(1);
        List<CompletableFuture<Decision>> second = List.of(ask(1), ask(1));
        Exception away = new IllegalStateException("away");
        store.call(0).fails(away);
        assertSame(away, failure(first));
        CompletableFuture<Decision> third = ask(1);
        store.call(1).fails(away);
        second.forEach(each -> assertSame(away, failure(each)));
        assertFalse(third.isDone());
        store.call(2).isDecided();
        assertEquals(9, third.join().remaining());
        assertEquals(0, coalescer.lanes());
    }

    @Test
    void aStoreThatThrowsHasFailed() {
        RateLimitBackend throwing = new MemoryFront(new MemoryBackend()) {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                throw new IllegalStateException("away");
            }
        };
        Coalescer front = new Coalescer(throwing, FOREVER);
        assertInstanceOf(IllegalStateException.class, failure(front.acquire(TEN, "key", 1).toCompletableFuture()));
        assertEquals(0, front.lanes());
    }

    @Test
    void anAnswerToTooFewIsAFailureOfAll() {
        ask(1);
        List<CompletableFuture<Decision>> waiting = List.of(ask(1), ask(1));
        store.call(0).isDecided();
        store.call(1).answer().complete(List.of(new Decision.Allowed(1, 1, Decision.Source.STORE)));
        waiting.forEach(each -> assertInstanceOf(IllegalStateException.class, failure(each)));
    }

    @Test
    void whoeverHasGoneIsNotAskedFor() {
        ask(1);
        CompletableFuture<Decision> gone = ask(1);
        CompletableFuture<Decision> stays = ask(2);
        gone.cancel(false);
        store.call(0).isDecided();
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).isDecided();
        assertEquals(7, stays.join().remaining());
    }

    @Test
    void aFirstCallerWhoHasGoneLeavesNobodyBehindHim() {
        CompletableFuture<Decision> gone = ask(1);
        CompletableFuture<Decision> stays = ask(2);
        gone.cancel(false);
        assertEquals(1, store.calls().size());
        store.call(0).isDecided();
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).isDecided();
        assertEquals(7, stays.join().remaining());
        assertEquals(0, coalescer.lanes());
    }

    @Test
    void whomAGuardHasAnsweredAtTheDeadlineIsNotAskedForAndNotCharged() throws Exception {
        Policy open = new Policy("p", TEN.limits(), OnError.OPEN);
        try (Guard guard = new Guard(coalescer, Duration.ofMillis(20), List.of())) {
            List<CompletableFuture<Decision>> late = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                late.add(guard.acquire(open, "key", 1).toCompletableFuture());
            }
            late.add(guard.acquire(open, "other", 1).toCompletableFuture());
            for (CompletableFuture<Decision> each : late) {
                assertEquals(Decision.Source.FALLBACK, each.get(20, TimeUnit.SECONDS).source());
            }
            assertEquals(2, coalescer.lanes());
            store.call(0).isDecided();
            assertEquals(1, coalescer.lanes());
            assertEquals(1, store.calls().stream().filter(call -> call.key().equals("key")).count());
            assertEquals(9, store.memory().peek(open, "key", 1).join().remaining());
        }
    }

    @Test
    void aPolicysOwnDeadlineIsItsCallersPatience() throws Exception {
        Policy hasty = new Policy("p", TEN.limits(), OnError.OPEN, Duration.ofMillis(50), List.of());
        CompletableFuture<Decision> stuck = ask(hasty, "key", 1);
        CompletableFuture<Decision> tooLong = ask(hasty, "key", 3);
        Thread.sleep(60);
        CompletableFuture<Decision> late = ask(hasty, "key", 2);
        assertEquals(RateLimitBackendException.class, failure(tooLong).getClass());
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).isDecided();
        assertEquals(8, late.join().remaining());
        assertFalse(stuck.isDone());
    }

    @Test
    void aDefectIsToldAsItIsToTheFirstAndToThoseWhoWait() {
        CompletableFuture<Decision> first = ask(1);
        List<CompletableFuture<Decision>> waiting = List.of(ask(1), ask(1));
        RateLimitDefectException defect = new RateLimitDefectException(new IllegalStateException("wrong type"));
        store.call(0).fails(defect);
        store.call(1).fails(defect);
        assertSame(defect, failure(first));
        waiting.forEach(each -> assertSame(defect, failure(each)));
    }

    @Test
    void anAnswerIsWorthWaitingForAsLongAsTheStoresOwn() {
        Coalescer front = new Coalescer(new MemoryFront(new MemoryBackend()) {
            @Override
            public Duration deadline() {
                return Duration.ofMillis(777);
            }
        }, FOREVER);
        assertEquals(Duration.ofMillis(777), front.deadline());
    }

    @Test
    void aThousandWhoWaitPassByACallThatDoesNotReturn() {
        CompletableFuture<Decision> stuck = ask(1);
        List<CompletableFuture<Decision>> waiting = new ArrayList<>();
        for (int i = 0; i < 2 * Coalescer.MOST_WAITING - 1; i++) {
            waiting.add(ask(TEN, "key", 1));
        }
        assertEquals(2, store.calls().size());
        assertEquals(Coalescer.MOST_WAITING, store.call(1).costs().size());
        waiting.add(ask(1));
        assertEquals(3, store.calls().size());
        assertEquals(Coalescer.MOST_WAITING, store.call(2).costs().size());
        store.call(1).isDecided();
        store.call(2).isDecided();
        assertEquals(10, waiting.stream().filter(each -> each.join().allowed()).count());
        assertFalse(stuck.isDone());
        assertEquals(0, coalescer.lanes());
        store.call(0).isDecided();
        assertFalse(stuck.join().allowed());
        assertEquals(3, store.calls().size());
    }

    @Test
    void whoeverFindsACallOlderThanThePatiencePassesByAndTheImpatientAreNotCharged() throws Exception {
        Coalescer impatient = new Coalescer(store, Duration.ofMillis(50));
        CompletableFuture<Decision> stuck = impatient.acquire(TEN, "key", 1).toCompletableFuture();
        CompletableFuture<Decision> tooLong = impatient.acquire(TEN, "key", 3).toCompletableFuture();
        long since = System.nanoTime();
        while (System.nanoTime() - since < TimeUnit.MILLISECONDS.toNanos(60)) {
            Thread.onSpinWait();
        }
        CompletableFuture<Decision> late = impatient.acquire(TEN, "key", 2).toCompletableFuture();
        assertEquals(RateLimitBackendException.class, failure(tooLong).getClass());
        assertEquals(List.of(2L), store.call(1).costs());
        store.call(1).isDecided();
        assertEquals(8, late.get(20, TimeUnit.SECONDS).remaining());
        assertFalse(stuck.isDone());
        assertEquals(0, impatient.lanes());
    }

    @Test
    void aReceiverThatWaitsForItsNextAnswerHoldsNobodyUp() {
        CompletableFuture<Decision> first = ask(1);
        CompletableFuture<Integer> callsSeen = first.thenApply(decision -> store.calls().size());
        ask(1);
        store.call(0).isDecided();
        assertEquals(2, callsSeen.join(), "the next call was made before the answer was handed out");
    }

    @Test
    void looksRefundsAndResetsPassThrough() {
        store.memory().acquire(TEN, "key", 6).join();
        ask(1);
        assertEquals(4, coalescer.peek(TEN, "key", 1).toCompletableFuture().join().remaining());
        coalescer.refund(TEN, "key", 2).toCompletableFuture().join();
        assertEquals(6, coalescer.peek(TEN, "key", 1).toCompletableFuture().join().remaining());
        coalescer.reset(TEN, "key").toCompletableFuture().join();
        assertEquals(10, coalescer.peek(TEN, "key", 1).toCompletableFuture().join().remaining());
        assertEquals(1, store.calls().size());
    }

    @Test
    void aPatienceOfNoTimeIsRefused() {
        assertEquals("The patience of a coalescer is 1ms or more, not PT0S.",
                assertThrows(IllegalArgumentException.class, () -> new Coalescer(store, Duration.ZERO)).getMessage());
    }

    /** Four instances with 64 callers each on a store that answers late, on other threads, and fails now and then. */
    @Test
    void aCrowdIsGrantedExactlyWhatIsThereInFarFewerCalls() throws Exception {
        int instances = 4;
        int callers = 64;
        int requests = 100;
        MemoryBackend memory = new MemoryBackend();
        AtomicLong calls = new AtomicLong();
        ExecutorService store = Executors.newFixedThreadPool(4);
        ExecutorService crowd = Executors.newFixedThreadPool(instances * callers);
        List<Coalescer> coalescers = new ArrayList<>();
        for (int i = 0; i < instances; i++) {
            coalescers.add(new Coalescer(new LateStore(memory, store, calls), FOREVER));
        }
        Policy policy = Policy.of("hot", "5000/day fixed");
        CountDownLatch start = new CountDownLatch(1);
        AtomicLong failed = new AtomicLong();
        List<Future<Long>> granted = new ArrayList<>();
        for (int i = 0; i < instances * callers; i++) {
            Coalescer mine = coalescers.get(i % instances);
            granted.add(crowd.submit(() -> {
                start.await();
                long got = 0;
                for (int request = 0; request < requests; request++) {
                    try {
                        got += mine.acquire(policy, "key", 1).toCompletableFuture().get(60, TimeUnit.SECONDS).allowed()
                                ? 1 : 0;
                    } catch (ExecutionException e) {
                        failed.incrementAndGet();
                    }
                }
                return got;
            }));
        }
        start.countDown();
        long all = 0;
        for (Future<Long> each : granted) {
            all += each.get(60, TimeUnit.SECONDS);
        }
        crowd.shutdown();
        store.shutdown();
        assertEquals(5000, all);
        assertTrue(failed.get() > 0, "some calls failed");
        assertTrue(calls.get() < instances * callers * requests / 4, () -> calls + " calls");
        assertTrue(coalescers.stream().allMatch(each -> each.lanes() == 0));
    }

    /** Answers on its own threads; every hundredth call or so fails before anything is charged. */
    private static final class LateStore extends MemoryFront {

        private final ExecutorService threads;
        private final AtomicLong calls;

        LateStore(MemoryBackend memory, ExecutorService threads, AtomicLong calls) {
            super(memory);
            this.threads = threads;
            this.calls = calls;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return acquireEach(policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
        }

        @Override
        public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
            calls.incrementAndGet();
            return CompletableFuture.supplyAsync(() -> {
                LockSupport.parkNanos(500_000);
                if (ThreadLocalRandom.current().nextInt(100) == 0) {
                    throw new IllegalStateException("away");
                }
                return super.acquireEach(policy, key, permits).toCompletableFuture().join();
            }, threads);
        }
    }

    /** Memory, for tests that change part of what it does. */
    private static class MemoryFront implements RateLimitBackend {

        private final MemoryBackend memory;

        MemoryFront(MemoryBackend memory) {
            this.memory = memory;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return memory.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
            return memory.acquireEach(policy, key, permits);
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
