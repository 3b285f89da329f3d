package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.internal.Scheduler;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A clock that moves from task to task. Tasks run on the calling thread in the order of their times; those
 * of the same time run in the order in which they were added.
 *
 * <p>A task that waits runs the tasks that come before the end of its wait. Such a wait may last longer than allowed if
 * one of these tasks waits too, like the wait of a thread that gets no processor.
 */
public final class VirtualScheduler {

    private final PriorityQueue<Task> agenda = new PriorityQueue<>();
    private long now = 1_000_000_000L;
    private long tasks;
    private int threads;

    private record Task(long at, long number, Runnable action) implements Comparable<Task> {

        @Override
        public int compareTo(Task other) {
            return at == other.at ? Long.compare(number, other.number) : Long.compare(at, other.at);
        }
    }

    /** Returns the present time in nanoseconds. */
    public long nanoTime() {
        return now;
    }

    /** Runs a task after a time. */
    public void after(long nanos, Runnable action) {
        agenda.add(new Task(now + Math.max(0, nanos), tasks++, action));
    }

    /** Runs all tasks up to an instant, in nanoseconds. */
    public void runUntil(long end) {
        while (isRunningNext(end)) {
            // The next task may be one that this one has added.
        }
        now = Math.max(now, end);
    }

    private boolean isRunningNext(long end) {
        Task next = agenda.peek();
        if (next == null || next.at > end) {
            return false;
        }
        agenda.remove();
        now = Math.max(now, next.at);
        next.action.run();
        return true;
    }

    /** Returns the number of threads that have started and not ended. */
    public int threads() {
        return threads;
    }

    int pendingTasks() {
        return agenda.size();
    }

    /** The clock and the threads of one instance, until it dies. */
    public final class Process extends Scheduler {

        private boolean dead;

        boolean isDead() {
            return dead;
        }

        /** Ends all threads where they are. */
        void kill() {
            dead = true;
        }

        @Override
        public long nanoTime() {
            return now;
        }

        @Override
        public Loop loop(String name, LongSupplier step) {
            return new VirtualLoop(this, step);
        }

        /** Callbacks run at once. */
        @Override
        public Executor callbackThreads(String name) {
            return Runnable::run;
        }

        @Override
        public <T> T await(CompletableFuture<T> future, long nanos)
                throws InterruptedException, ExecutionException, TimeoutException {
            long end = now + Math.max(0, nanos);
            while (!future.isDone() && !dead && isRunningNext(end)) {
                // One of the tasks may complete the future.
            }
            if (dead) {
                throw new InterruptedException("The process has died.");
            }
            if (!future.isDone()) {
                now = Math.max(now, end);
                throw new TimeoutException();
            }
            return future.get();
        }
    }

    private final class VirtualLoop implements Scheduler.Loop {

        private final Process process;
        private final LongSupplier step;
        private @Nullable Object sleep;
        private boolean woken;

        VirtualLoop(Process process, LongSupplier step) {
            this.process = process;
            this.step = step;
        }

        @Override
        public void start() {
            threads++;
            runAfter(0);
        }

        @Override
        public void wakeUp() {
            if (sleep == null) {
                woken = true;
            } else {
                runAfter(0);
            }
        }

        private void runAfter(long nanos) {
            Object own = new Object();
            sleep = own;
            after(nanos, () -> {
                // Another start or wake-up has replaced this sleep.
                if (sleep == own) {
                    sleep = null;
                    run();
                }
            });
        }

        private void run() {
            woken = false;
            long next = process.isDead() ? Scheduler.END : step.getAsLong();
            // A round that the death of its process interrupted.
            Thread.interrupted();
            if (next == Scheduler.END || process.isDead()) {
                threads--;
            } else {
                runAfter(woken ? 0 : next);
            }
        }
    }
}
