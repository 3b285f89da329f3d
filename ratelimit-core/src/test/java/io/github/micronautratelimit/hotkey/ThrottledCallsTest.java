package io.github.micronautratelimit.hotkey;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.internal.Scheduler;
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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A store that rejects calls for a key because there are too many. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ThrottledCallsTest {

    private static final Duration FOREVER = Duration.ofDays(1);
    private static final Policy TEN = Policy.of("p", "10/day fixed");
    private static final RuntimeException THROTTLED =
            new StoreThrottledException(new IllegalStateException("slow down"));

    private final HeldStore store = new HeldStore();
    private final List<Runnable> delayed = new ArrayList<>();
    private final List<Long> delays = new ArrayList<>();
    private final ThrottledCalls throttled = new ThrottledCalls(nanos -> {
        delays.add(nanos);
        return delayed::add;
    });
    private final Coalescer coalescer = new Coalescer(store, FOREVER, throttled, Scheduler.SYSTEM);

    private CompletableFuture<Decision> acquire(long permits) {
        return coalescer.acquire(TEN, "key", permits).toCompletableFuture();
    }

    private void endDelay() {
        assertEquals(1, delayed.size());
        delayed.remove(0).run();
    }

    private static Throwable failure(CompletableFuture<?> answer) {
        assertTrue(answer.isDone());
        return assertThrows(CompletionException.class, answer::join).getCause();
    }

    @Test
    void throttledCallIsRepeatedAfterADelayWithTheCallersThatArriveInTheMeantime() {
        CompletableFuture<Decision> first = acquire(1);
        CompletableFuture<Decision> second = acquire(2);
        store.call(0).fail(THROTTLED);
        CompletableFuture<Decision> third = acquire(3);
        assertEquals(1, store.calls().size(), "no call during the delay");
        assertFalse(first.isDone());
        endDelay();
        assertEquals(List.of(1L, 2L, 3L), store.call(1).costs());
        store.call(1).fail(THROTTLED);
        CompletableFuture<Decision> fourth = acquire(4);
        endDelay();
        assertEquals(List.of(1L, 2L, 3L, 4L), store.call(2).costs());
        store.call(2).decide();
        assertEquals(
                List.of(9L, 7L, 4L, 0L),
                List.of(first, second, third, fourth).stream()
                        .map(answer -> answer.join().remaining())
                        .toList());
        assertEquals(0, coalescer.queues());
        acquire(1);
        assertEquals(4, store.calls().size(), "idle again");
    }

    @Test
    void delayDoublesUpToABoundAndStartsAgainAfterAnAnswer() {
        acquire(1);
        for (int i = 0; i < 8; i++) {
            store.call(i).fail(THROTTLED);
            endDelay();
        }
        for (int i = 0; i < 8; i++) {
            long most = Duration.ofMillis(5L << Math.min(i, 5)).toNanos();
            long delay = delays.get(i);
            assertTrue(delay >= most / 2 && delay <= most, "delay " + i + ": " + delay);
        }
        acquire(1);
        store.call(8).decide();
        store.call(9).fail(THROTTLED);
        assertTrue(delays.get(8) <= Duration.ofMillis(5).toNanos());
    }

    @Test
    void callerThatCancelsDuringTheDelayIsLeftOut() {
        acquire(1);
        CompletableFuture<Decision> second = acquire(2);
        CompletableFuture<Decision> third = acquire(3);
        store.call(0).decide();
        store.call(1).fail(THROTTLED);
        second.cancel(false);
        endDelay();
        assertEquals(List.of(3L), store.call(2).costs());
        store.call(2).decide();
        assertEquals(6, third.join().remaining());
    }

    @Test
    void queueWithoutCallersAfterTheDelayIsRemoved() {
        acquire(1).cancel(false);
        store.call(0).fail(THROTTLED);
        delayed.forEach(Runnable::run);
        assertEquals(0, coalescer.queues());
        assertEquals(1, store.calls().size());
    }

    /** The caller learns that its key is throttled before its guard would find the store late. */
    @Test
    void callerGivesUpAfterHalfOfItsDeadline() {
        Coalescer hasty = new Coalescer(store, Duration.ofMillis(1), throttled, Scheduler.SYSTEM);
        long begun = System.nanoTime();
        CompletableFuture<Decision> first = hasty.acquire(TEN, "key", 1).toCompletableFuture();
        Await.untilPassed(begun, Duration.ofMillis(1));
        store.call(0).fail(THROTTLED);
        assertSame(THROTTLED, failure(first));
        assertEquals(0, delayed.size());
        assertEquals(0, hasty.queues());
        assertEquals(500, ThrottledCalls.patienceNanos(1_000));
        for (long timeout : new long[] {4, 1_000_000, 100_000_000}) {
            assertTrue(throttled.delayNanos(6, timeout) <= timeout / 4);
        }
    }

    @Test
    void tooManyDelayedCallsFailAtOnce() {
        List<CompletableFuture<Decision>> answers = new ArrayList<>();
        for (int i = 0; i <= ThrottledCalls.MAX_DELAYED; i++) {
            answers.add(coalescer.acquire(TEN, "key" + i, 1).toCompletableFuture());
            store.call(i).fail(THROTTLED);
        }
        assertEquals(ThrottledCalls.MAX_DELAYED, delayed.size());
        assertSame(THROTTLED, failure(answers.get(ThrottledCalls.MAX_DELAYED)));
        assertEquals(
                ThrottledCalls.MAX_DELAYED,
                answers.stream().filter(answer -> !answer.isDone()).count());
        List.copyOf(delayed).forEach(Runnable::run);
        CompletableFuture<Decision> next = coalescer.acquire(TEN, "next", 1).toCompletableFuture();
        store.call(store.calls().size() - 1).fail(THROTTLED);
        assertFalse(next.isDone(), "there is room again");
    }

    /** Fails the calls of a key, at once, as long as the test wants it to. */
    private static final class ThrottlingStore extends ForwardingBackend {

        private final String throttledKey;
        private final AtomicInteger rejections;

        ThrottlingStore(String throttledKey, int rejections) {
            super(new MemoryBackend());
            this.throttledKey = throttledKey;
            this.rejections = new AtomicInteger(rejections);
        }

        private <T> CompletionStage<T> unlessThrottled(String key, Supplier<CompletionStage<T>> call) {
            return key.equals(throttledKey) && rejections.getAndDecrement() > 0
                    ? CompletableFuture.failedFuture(THROTTLED)
                    : call.get();
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return unlessThrottled(key, () -> super.acquire(policy, key, permits));
        }

        @Override
        public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
            return unlessThrottled(key, () -> super.acquireBatch(policy, key, permits));
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
            return unlessThrottled(requests.get(0).key(), () -> super.acquireAll(requests));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return unlessThrottled(key, () -> super.peek(policy, key, permits));
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return unlessThrottled(key, () -> super.refund(policy, key, permits, chargedAtMicros));
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return unlessThrottled(key, () -> super.block(policy, key, micros));
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return unlessThrottled(key, () -> super.reset(policy, key));
        }

        @Override
        public boolean isLocal() {
            return false;
        }

        @Override
        public boolean prefersCoalescing() {
            return true;
        }
    }

    @Test
    void everyCallIsRepeated() {
        List<Function<Coalescer, CompletionStage<?>>> calls = List.of(
                it -> it.acquire(TEN, "key", 1),
                it -> it.acquireAll(List.of(new PermitRequest(TEN, "key", 1))),
                it -> it.peek(TEN, "key", 1),
                it -> it.refund(TEN, "key", 1, LimitState.LATEST),
                it -> it.block(TEN, "key", 1),
                it -> it.reset(TEN, "key"));
        for (Function<Coalescer, CompletionStage<?>> call : calls) {
            Coalescer repeating = new Coalescer(new ThrottlingStore("key", 3), FOREVER, throttled, Scheduler.SYSTEM);
            CompletableFuture<?> answer = call.apply(repeating).toCompletableFuture();
            for (int i = 0; i < 3; i++) {
                assertFalse(answer.isDone());
                endDelay();
            }
            assertTrue(answer.isDone() && !answer.isCompletedExceptionally());
        }
    }

    @Test
    void otherFailuresAreNotRepeated() {
        CompletableFuture<Decision> first = acquire(1);
        store.call(0).fail(new IllegalStateException("unavailable"));
        assertInstanceOf(IllegalStateException.class, failure(first));
        assertEquals(0, delayed.size());
    }

    /** However often a key is throttled, the store decides on all other keys, and the breaker stays closed. */
    @Test
    void throttledKeyIsAnsweredByOnErrorAndNoOtherKeyIs() {
        Policy closed = Policy.of("closed", "100/day fixed").withOnError(OnError.CLOSED);
        Policy open = Policy.of("open", "100/day fixed").withOnError(OnError.OPEN);
        try (RateLimiter limiter = RateLimiter.builder(new ThrottlingStore("hot", Integer.MAX_VALUE))
                .deadline(Duration.ofSeconds(6))
                .build()) {
            List<CompletionStage<Decision>> hot = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                hot.add(limiter.async().tryAcquire(closed, "hot"));
                hot.add(limiter.async().tryAcquire(open, "hot"));
            }
            for (int i = 0; i < hot.size(); i++) {
                Decision decision = Await.result(hot.get(i));
                assertEquals(Decision.Source.FALLBACK, decision.source());
                assertEquals(i % 2 == 1, decision.allowed());
                Decision other = limiter.tryAcquire(closed, "cool");
                assertEquals(Decision.Source.STORE, other.source());
                assertTrue(other.allowed());
            }
            assertEquals("CLOSED", limiter.stats().store().breaker());
            assertEquals(80, limiter.stats().store().failures());
            assertEquals(20, limiter.peek(closed, "cool", 0).remaining());
        }
    }
}
