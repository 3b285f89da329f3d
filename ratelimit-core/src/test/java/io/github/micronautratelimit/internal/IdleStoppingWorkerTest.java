package io.github.micronautratelimit.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.testing.Await;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class IdleStoppingWorkerTest {

    private static final long LONG_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final AtomicInteger work = new AtomicInteger();
    private final AtomicInteger rounds = new AtomicInteger();
    private final Set<Thread> threads = ConcurrentHashMap.newKeySet();

    /** Does one piece of work per round. */
    private final IdleStoppingWorker worker = new IdleStoppingWorker("worker-test", () -> work.get() > 0, now -> {
        threads.add(Thread.currentThread());
        rounds.incrementAndGet();
        work.updateAndGet(left -> Math.max(0, left - 1));
        return 0;
    });

    private void add(int pieces) {
        work.addAndGet(pieces);
        worker.start();
    }

    private void awaitStop() {
        Await.until("the thread has stopped", () -> !worker.isRunning());
    }

    @Test
    void threadStartsWithTheFirstWorkAndStopsWhenIdle() {
        assertFalse(worker.isRunning());
        add(3);
        assertTrue(worker.isRunning());
        Await.until("the work is done", () -> work.get() == 0);
        assertTrue(rounds.get() >= 3);
        awaitStop();
        assertEquals(1, threads.size());
        Thread thread = threads.iterator().next();
        assertEquals("worker-test", thread.getName());
        assertTrue(thread.isDaemon());
        Await.until("the thread has ended", () -> !thread.isAlive());
    }

    @Test
    void threadStartsAgainWithLaterWork() {
        for (int started = 1; started <= 3; started++) {
            add(1);
            Await.until("the work is done", () -> work.get() == 0);
            awaitStop();
            assertEquals(started, threads.size());
        }
    }

    @Test
    void idleThreadLingersForASecondAndTakesNewWork() {
        add(1);
        Await.until("the work is done", () -> work.get() == 0);
        long idleSince = System.nanoTime();
        add(1);
        Await.until("the work is done", () -> work.get() == 0);
        awaitStop();
        assertTrue(System.nanoTime() - idleSince >= Duration.ofSeconds(1).toNanos());
        assertEquals(1, threads.size());
    }

    @Test
    void startsAtTheSameTimeStartOneThread() throws InterruptedException {
        work.set(1);
        Thread[] starters = new Thread[8];
        for (int i = 0; i < starters.length; i++) {
            starters[i] = new Thread(worker::start);
            starters[i].start();
        }
        for (Thread starter : starters) {
            starter.join();
        }
        Await.until("the work is done", () -> work.get() == 0);
        assertEquals(1, threads.size());
    }

    /** The work arrives after the thread has announced its stop and before it looks for work once more. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void workThatArrivesDuringTheStopIsDone(boolean startedByTheCaller) {
        AtomicReference<IdleStoppingWorker> itself = new AtomicReference<>();
        AtomicBoolean arrived = new AtomicBoolean();
        IdleStoppingWorker stopping = new IdleStoppingWorker(
                "worker-test-stopping",
                () -> {
                    if (!itself.get().isRunning() && arrived.compareAndSet(false, true)) {
                        work.set(1);
                        if (startedByTheCaller) {
                            itself.get().start();
                        }
                    }
                    return work.get() > 0;
                },
                now -> {
                    threads.add(Thread.currentThread());
                    work.set(0);
                    return 0;
                });
        itself.set(stopping);
        stopping.start();
        Await.until("the late work is done", () -> arrived.get() && work.get() == 0);
        Await.until("the thread has stopped", () -> !stopping.isRunning());
        assertEquals(startedByTheCaller ? 2 : 1, threads.size());
    }

    @Test
    void wakeUpEndsTheSleep() {
        AtomicInteger slowRounds = new AtomicInteger();
        AtomicReference<Thread> thread = new AtomicReference<>();
        AtomicInteger left = new AtomicInteger(2);
        IdleStoppingWorker slow = new IdleStoppingWorker("worker-test-slow", () -> left.get() > 0, now -> {
            thread.set(Thread.currentThread());
            slowRounds.incrementAndGet();
            return left.decrementAndGet() > 0 ? LONG_NANOS : 0;
        });
        slow.start();
        Await.until(
                "the thread sleeps",
                () -> thread.get() != null && thread.get().getState() == Thread.State.TIMED_WAITING);
        assertEquals(1, slowRounds.get());
        slow.wakeUp();
        Await.until("the next round has run", () -> left.get() <= 0);
    }

    @Test
    void wakeUpWithoutAThreadDoesNothing() {
        worker.wakeUp();
        assertFalse(worker.isRunning());
    }

    @Test
    void failedRoundIsRepeated() {
        AtomicInteger attempts = new AtomicInteger();
        IdleStoppingWorker failing = new IdleStoppingWorker("worker-test-failing", () -> attempts.get() < 2, now -> {
            if (attempts.incrementAndGet() == 1) {
                throw new IllegalStateException("thrown on purpose");
            }
            return 0;
        });
        failing.start();
        Await.until("the round is repeated", () -> attempts.get() >= 2);
    }

    @Test
    void interruptedThreadContinues() {
        add(1);
        Await.until("the work is done", () -> work.get() == 0);
        threads.forEach(Thread::interrupt);
        add(1);
        Await.until("the work is done", () -> work.get() == 0);
        awaitStop();
    }

    @Test
    void threadThatAnErrorHasEndedIsReplaced() {
        AtomicInteger looks = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        IdleStoppingWorker broken = new IdleStoppingWorker(
                "worker-test-broken",
                () -> {
                    if (looks.incrementAndGet() == 1) {
                        Thread.currentThread().setUncaughtExceptionHandler((thread, error) -> {});
                        throw new OutOfMemoryError("thrown on purpose");
                    }
                    return done.get() == 0;
                },
                now -> {
                    done.incrementAndGet();
                    return 0;
                });
        broken.start();
        Await.until("the thread has ended", () -> !broken.isRunning());
        broken.start();
        Await.until("the work is done", () -> done.get() > 0);
    }
}
