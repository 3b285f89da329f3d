package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.testing.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Some cases look at the threads of all deadlines, so they run one after the other. */
@Execution(ExecutionMode.SAME_THREAD)
class DeadlinesTest {

    private final Deadlines deadlines = new Deadlines(Scheduler.SYSTEM, Deadlines.callbackThreads());

    private static final class CountedCall extends GuardedCall<String> {

        private final AtomicInteger fallbacks = new AtomicInteger();

        CountedCall() {
            this(new CompletableFuture<>());
        }

        CountedCall(CompletableFuture<String> answer) {
            super(answer, System.nanoTime());
        }

        @Override
        void succeeded(String value) {}

        @Override
        String fallback(Throwable failure) {
            fallbacks.incrementAndGet();
            long nanos = System.nanoTime() - begunNanos();
            return failure instanceof TimeoutException && nanos >= 1_000_000 ? "late" : failure.toString();
        }
    }

    private CompletableFuture<String> unanswered(Duration deadline) {
        return deadlines.of(deadline).await(new CountedCall());
    }

    @Test
    void eachCallExpiresAtItsOwnDeadline() {
        CompletableFuture<String> slow = unanswered(Duration.ofSeconds(20));
        List<CompletableFuture<String>> quick = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            quick.add(unanswered(Duration.ofMillis(1 + i % 7)));
        }
        quick.forEach(call ->
                assertEquals("late", call.orTimeout(10, TimeUnit.SECONDS).join()));
        assertFalse(slow.isDone());
    }

    private static Set<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("ratelimit-deadlines"))
                .collect(Collectors.toSet());
    }

    private static boolean isNewThreadAsleep(Set<Thread> before) {
        return threads().stream()
                .anyMatch(thread -> !before.contains(thread) && thread.getState() == Thread.State.TIMED_WAITING);
    }

    /** Ten times, so that a failure shows on a slow machine too: each missed wake-up costs a second. */
    @Test
    void newShorterDeadlineWakesTheThread() {
        long begun = System.nanoTime();
        for (int i = 0; i < 10; i++) {
            Set<Thread> before = threads();
            Deadlines asleep = new Deadlines(Scheduler.SYSTEM, Deadlines.callbackThreads());
            asleep.of(Duration.ofSeconds(20)).await(new CountedCall());
            Await.until("the thread sleeps", () -> isNewThreadAsleep(before));
            assertEquals(
                    "late",
                    asleep.of(Duration.ofMillis(20))
                            .await(new CountedCall())
                            .orTimeout(10, TimeUnit.SECONDS)
                            .join());
        }
        assertTrue(System.nanoTime() - begun < Duration.ofSeconds(5).toNanos());
    }

    @Test
    void answerAndDeadlineAtTheSameTimeSettleACallOnce() {
        for (int i = 0; i < 2_000; i++) {
            CompletableFuture<String> answer = new CompletableFuture<>();
            CountedCall call = new CountedCall(answer);
            CompletableFuture<String> outcome =
                    deadlines.of(Duration.ofMillis(1)).await(call);
            while (System.nanoTime() - call.begunNanos() < 1_000_000 + i % 100 * 1_000) {
                Thread.onSpinWait();
            }
            answer.complete("answered");
            String settled = outcome.orTimeout(10, TimeUnit.SECONDS).join();
            assertEquals(settled.equals("late") ? 1 : 0, call.fallbacks.get());
            assertTrue(settled.equals("late") || settled.equals("answered"), settled);
        }
    }

    @Test
    void threadExistsOnlyWhileCallsAreUnderWay() {
        for (int i = 0; i < 2; i++) {
            assertEquals("late", Await.result(unanswered(Duration.ofMillis(5))));
            Await.until("the thread has stopped", () -> !deadlines.isSweeping());
        }
    }

    @Test
    void blockingCallbackDelaysNoOtherDeadline() {
        CountDownLatch release = new CountDownLatch(1);
        Duration deadline = Duration.ofMillis(5);
        CompletableFuture<String> blocked = unanswered(deadline).thenApply(late -> {
            try {
                return late + " and released " + release.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        for (int i = 0; i < 100; i++) {
            assertEquals("late", Await.result(unanswered(deadline)));
        }
        assertFalse(blocked.isDone());
        release.countDown();
        assertEquals("late and released true", Await.result(blocked));
    }

    /** More callbacks at the same time than threads: the pool replaces threads that wait. */
    @Test
    void callbacksMayWaitForFurtherCalls() {
        Duration deadline = Duration.ofMillis(20);
        List<CompletableFuture<String>> twice = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            twice.add(unanswered(deadline)
                    .thenApply(late -> late + ", " + unanswered(deadline).join()));
        }
        twice.forEach(both -> assertEquals("late, late", Await.result(both)));
    }
}
