package io.github.micronautratelimit.internal;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.LongUnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Repeats a task on a daemon thread while there is work. The thread starts with the first work and stops after
 * {@value #LINGER_SECONDS} second without any, so an idle application has no thread of ours.
 *
 * <p>Safe for use by any number of threads. Rounds never run at the same time, except that the last look for work of a
 * thread that stops may overlap the first round of the thread that follows it.
 */
public final class IdleStoppingWorker {

    private static final Logger LOG = LoggerFactory.getLogger(IdleStoppingWorker.class);
    private static final int LINGER_SECONDS = 1;
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(LINGER_SECONDS);
    private static final long SHORTEST_SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final String name;
    private final BooleanSupplier hasWork;
    private final LongUnaryOperator round;
    private final Scheduler scheduler;
    private final Scheduler.Loop loop;
    private final AtomicBoolean running = new AtomicBoolean();
    /** The time of the last round with work. Written before the thread starts, and then by the thread only. */
    private long busyAtNanos;

    /**
     * Creates a worker without a thread.
     *
     * @param name    name of the thread
     * @param hasWork returns whether a round has anything to do; cheap and without side effects
     * @param round   does the work that is due; takes {@link System#nanoTime()}, returns the nanoseconds until the next
     *                round
     */
    public IdleStoppingWorker(String name, BooleanSupplier hasWork, LongUnaryOperator round) {
        this(name, hasWork, round, Scheduler.SYSTEM);
    }

    /**
     * Creates a worker with the clock and the threads of a scheduler.
     *
     * @param name      name of the thread
     * @param hasWork   returns whether a round has anything to do; cheap and without side effects
     * @param round     does the work that is due; takes the time of the scheduler, returns the nanoseconds until the
     *                  next round
     * @param scheduler provides the clock and the threads
     */
    public IdleStoppingWorker(String name, BooleanSupplier hasWork, LongUnaryOperator round, Scheduler scheduler) {
        this.name = name;
        this.hasWork = hasWork;
        this.round = round;
        this.scheduler = scheduler;
        this.loop = scheduler.loop(name, this::step);
    }

    /** Starts the thread unless it runs. Callers add the work first: a thread that stops looks for work once more. */
    public void start() {
        if (!running.get() && running.compareAndSet(false, true)) {
            try {
                busyAtNanos = scheduler.nanoTime();
                loop.start();
            } catch (RuntimeException | Error e) {
                // Without memory for a thread, the next start tries again.
                running.set(false);
                throw e;
            }
        }
    }

    /** Ends the present sleep of the thread, for work that is due earlier than any before. */
    public void wakeUp() {
        loop.wakeUp();
    }

    /**
     * Returns whether there is a thread.
     *
     * @return {@code true} from the first work until the thread has decided to stop
     */
    public boolean isRunning() {
        return running.get();
    }

    private long step() {
        boolean finished = false;
        try {
            long sleep = roundUnlessIdle();
            finished = true;
            return sleep;
        } finally {
            if (!finished) {
                // The next start replaces a thread that an error has ended.
                running.set(false);
            }
        }
    }

    private long roundUnlessIdle() {
        long now = scheduler.nanoTime();
        if (hasWork.getAsBoolean()) {
            busyAtNanos = now;
        } else if (now - busyAtNanos > LINGER_NANOS) {
            running.set(false);
            if (!hasWork.getAsBoolean() || !running.compareAndSet(false, true)) {
                return Scheduler.END;
            }
        }
        long sleep = round(now);
        long worked = scheduler.nanoTime() - now;
        return Math.max(SHORTEST_SLEEP_NANOS, sleep - worked);
    }

    private long round(long now) {
        try {
            return round.applyAsLong(now);
        } catch (RuntimeException | Error e) {
            LOG.error("A round of the thread {} failed. It is repeated.", name, e);
            return LINGER_NANOS;
        }
    }
}
