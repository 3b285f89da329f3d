package io.github.micronautratelimit;

import java.time.Duration;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends calls that are not answered in time. Calls with the same deadline end in the order they began in, so each
 * deadline has a plain queue; to begin a call is one append, to end it costs nothing.
 *
 * <p>One daemon thread per process looks at the queues' heads, a few times per deadline, and is there only while calls
 * are under way and for a second longer. It oversleeps no call: it never sleeps longer than the shortest deadline. It
 * only finds what is due. Whoever goes on with a late call, and does so slowly, or makes another call and waits for it,
 * has a thread of a pool, and as one who waits is replaced there; so nobody keeps others from their deadlines.
 */
final class Deadlines {

    private static final Logger LOG = LoggerFactory.getLogger(Guard.class);
    private static final long LINGER_NANOS = Duration.ofSeconds(1).toNanos();
    private static final long SHORTEST_SLEEP_NANOS = Duration.ofMillis(1).toNanos();
    private static final int LATE_THREADS = 8;
    /** Those who wait included. */
    private static final int MOST_LATE_THREADS = 256;

    static final Deadlines SHARED = new Deadlines();

    private final Map<Duration, Lane> lanes = new ConcurrentHashMap<>();
    private final AtomicBoolean sweeping = new AtomicBoolean();
    /** Has threads only while calls are late, and for a second longer. */
    private final ForkJoinPool late = new ForkJoinPool(LATE_THREADS, Deadlines::lateThread, null, true, 0,
            MOST_LATE_THREADS, 1, null, LINGER_NANOS, TimeUnit.NANOSECONDS);
    volatile @Nullable Thread sweeper;

    /** The calls of one deadline. */
    final class Lane {

        private final Queue<Call<?>> calls = new ConcurrentLinkedQueue<>();
        private final long nanos;

        private Lane(Duration deadline) {
            this.nanos = deadline.toNanos();
        }

        /** Ends the call at the deadline, unless it is over by then. */
        void watch(Call<?> call) {
            calls.add(call);
            // Read after the call was added; the sweeper looks for calls after it has said that it stops.
            if (!sweeping.get() && sweeping.compareAndSet(false, true)) {
                Thread thread = new Thread(Deadlines.this::sweep, "ratelimit-deadlines");
                thread.setDaemon(true);
                thread.start();
            }
        }

        private long dueAt(Call<?> call) {
            return call.begunNanos() + nanos;
        }

        /** Has ended what is due; the nanoseconds until the next call is, or its deadline if there is none. */
        private long sweep(long now) {
            for (@Nullable Call<?> head = calls.peek(); head != null; head = calls.peek()) {
                if (!head.isOver()) {
                    if (dueAt(head) - now > 0) {
                        return Math.min(nanos, dueAt(head) - now);
                    }
                    Call<?> due = head;
                    late.execute(() -> expire(due));
                }
                calls.poll();
            }
            return nanos;
        }

    }

    private static ForkJoinWorkerThread lateThread(ForkJoinPool pool) {
        ForkJoinWorkerThread thread = ForkJoinPool.defaultForkJoinWorkerThreadFactory.newThread(pool);
        thread.setName("ratelimit-late-" + thread.getPoolIndex());
        return thread;
    }

    private static void expire(Call<?> call) {
        try {
            call.expire();
        } catch (RuntimeException | Error e) {
            LOG.error("A call to the rate limit store could not be ended at its deadline.", e);
        }
    }

    /** Where calls with this deadline queue. */
    Lane of(Duration deadline) {
        Lane lane = lanes.get(deadline);
        if (lane == null) {
            lane = lanes.computeIfAbsent(deadline, Lane::new);
            // It may be asleep for longer than this deadline.
            LockSupport.unpark(sweeper);
        }
        return lane;
    }

    boolean isSweeping() {
        return sweeping.get();
    }

    private boolean isIdle() {
        return lanes.values().stream().allMatch(lane -> lane.calls.isEmpty());
    }

    private void sweep() {
        sweeper = Thread.currentThread();
        long busyAt = System.nanoTime();
        while (true) {
            long now = System.nanoTime();
            if (!isIdle()) {
                busyAt = now;
            } else if (now - busyAt > LINGER_NANOS) {
                sweeping.set(false);
                if (isIdle() || !sweeping.compareAndSet(false, true)) {
                    return;
                }
            }
            long sleep = LINGER_NANOS;
            for (Lane lane : lanes.values()) {
                sleep = Math.min(sleep, lane.sweep(now));
            }
            long swept = System.nanoTime() - now;
            LockSupport.parkNanos(Math.max(SHORTEST_SLEEP_NANOS, sleep - swept));
        }
    }
}
