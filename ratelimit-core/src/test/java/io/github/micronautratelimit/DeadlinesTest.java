package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;

class DeadlinesTest {

    private final Deadlines deadlines = new Deadlines();

    private static final class Kept extends Call<String> {

        private final AtomicInteger insteads = new AtomicInteger();

        Kept(CompletableFuture<String> answer) {
            super(answer, System.nanoTime());
        }

        @Override
        void answered(long nanos) {
        }

        @Override
        String instead(Throwable failure, long nanos) {
            insteads.incrementAndGet();
            return failure instanceof TimeoutException && nanos >= 1_000_000 ? "late" : failure.toString();
        }
    }

    @Test
    void callsWithDifferentDeadlinesEndAtTheirOwn() {
        CompletableFuture<String> slow =
                new Kept(new CompletableFuture<>()).await(deadlines.of(Duration.ofSeconds(20)));
        List<CompletableFuture<String>> quick = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            quick.add(new Kept(new CompletableFuture<>()).await(deadlines.of(Duration.ofMillis(1 + i % 7))));
        }
        quick.forEach(call -> assertEquals("late", call.orTimeout(10, TimeUnit.SECONDS).join()));
        assertFalse(slow.isDone());
    }

    /** Ten times, so that it shows on a slow machine too: not to be seen costs a second each time. */
    @Test
    void aNewDeadlineIsSeenWhileTheOthersAreFarAway() {
        long begun = System.nanoTime();
        for (int i = 0; i < 10; i++) {
            Deadlines asleep = new Deadlines();
            new Kept(new CompletableFuture<>()).await(asleep.of(Duration.ofSeconds(20)));
            Thread sweeper = asleep.sweeper;
            while (sweeper == null || sweeper.getState() != Thread.State.TIMED_WAITING) {
                assertTrue(System.nanoTime() - begun < Duration.ofSeconds(60).toNanos());
                sweeper = asleep.sweeper;
            }
            assertEquals("late", new Kept(new CompletableFuture<>()).await(asleep.of(Duration.ofMillis(20)))
                    .orTimeout(10, TimeUnit.SECONDS).join());
        }
        assertTrue(System.nanoTime() - begun < Duration.ofSeconds(5).toNanos());
    }

    @Test
    void anAnswerAndADeadlineAtOnceSettleACallOnce() {
        for (int i = 0; i < 2_000; i++) {
            CompletableFuture<String> answer = new CompletableFuture<>();
            Kept call = new Kept(answer);
            CompletableFuture<String> outcome = call.await(deadlines.of(Duration.ofMillis(1)));
            while (System.nanoTime() - call.begunNanos() < 1_000_000 + i % 100 * 1_000) {
                Thread.onSpinWait();
            }
            answer.complete("answered");
            String settled = outcome.orTimeout(10, TimeUnit.SECONDS).join();
            assertEquals(settled.equals("late") ? 1 : 0, call.insteads.get());
            assertTrue(settled.equals("late") || settled.equals("answered"), settled);
        }
    }

    @Test
    void itsThreadIsThereOnlyWhileCallsAreUnderWay() {
        for (int i = 0; i < 2; i++) {
            assertEquals("late", new Kept(new CompletableFuture<>()).await(deadlines.of(Duration.ofMillis(5)))
                    .orTimeout(10, TimeUnit.SECONDS).join());
            long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (deadlines.isSweeping()) {
                assertTrue(System.nanoTime() < end);
                Thread.onSpinWait();
            }
        }
    }

    /** Whoever goes on with a late call does so on no thread that others need to end theirs. */
    @Test
    void aReceiverThatBlocksHoldsUpNoOtherCall() {
        CountDownLatch release = new CountDownLatch(1);
        Deadlines.Lane lane = deadlines.of(Duration.ofMillis(5));
        CompletableFuture<String> blocked = new Kept(new CompletableFuture<>()).await(lane).thenApply(late -> {
            try {
                return late + " and released " + release.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        for (int i = 0; i < 100; i++) {
            assertEquals("late", new Kept(new CompletableFuture<>()).await(lane).orTimeout(30, TimeUnit.SECONDS).join());
        }
        assertFalse(blocked.isDone());
        release.countDown();
        assertEquals("late and released true", blocked.orTimeout(30, TimeUnit.SECONDS).join());
    }

    /** More of them at once than there are threads for them: others take their places. */
    @Test
    void receiversMayCallAgainAndWait() {
        Deadlines.Lane lane = deadlines.of(Duration.ofMillis(20));
        List<CompletableFuture<String>> twice = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            twice.add(new Kept(new CompletableFuture<>()).await(lane)
                    .thenApply(late -> late + ", " + new Kept(new CompletableFuture<>()).await(lane).join()));
        }
        twice.forEach(both -> assertEquals("late, late", both.orTimeout(30, TimeUnit.SECONDS).join()));
    }
}
