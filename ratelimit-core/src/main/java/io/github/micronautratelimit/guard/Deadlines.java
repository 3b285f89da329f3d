package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.internal.IdleStoppingWorker;
import io.github.micronautratelimit.internal.Scheduler;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Expires calls at their deadlines. Each deadline has a queue: to start a call is one append, to end it costs nothing.
 *
 * <p>One thread per process looks at the heads of the queues. It never sleeps longer than the shortest deadline, so no
 * call expires late. Callbacks of expired calls run on a separate pool, so a slow or blocking callback cannot delay
 * other timeouts.
 */
final class Deadlines {

    private static final Logger LOG = LoggerFactory.getLogger(Deadlines.class);
    private static final long LONGEST_SLEEP_NANOS = Duration.ofSeconds(1).toNanos();

    static final Deadlines SHARED = new Deadlines(Scheduler.SYSTEM, callbackThreads());

    private final Map<Duration, DeadlineQueue> queues = new ConcurrentHashMap<>();
    private final Scheduler scheduler;
    private final IdleStoppingWorker worker;
    private final Executor callbacks;

    /** Creates queues without calls; expired calls run on the executor. */
    Deadlines(Scheduler scheduler, Executor callbacks) {
        this.scheduler = scheduler;
        this.callbacks = callbacks;
        this.worker = new IdleStoppingWorker("ratelimit-deadlines", this::hasCalls, this::sweep, scheduler);
    }

    /** Creates the threads that run callbacks of expired calls. */
    static Executor callbackThreads() {
        return Scheduler.SYSTEM.callbackThreads("ratelimit-late-");
    }

    /** Returns the queue of the calls with this deadline. */
    DeadlineQueue of(Duration deadline) {
        DeadlineQueue queue = queues.get(deadline);
        if (queue == null) {
            queue = queues.computeIfAbsent(deadline, time -> new DeadlineQueue(time, worker::start));
            // The thread may sleep for longer than this deadline.
            worker.wakeUp();
        }
        return queue;
    }

    Scheduler scheduler() {
        return scheduler;
    }

    boolean isSweeping() {
        return worker.isRunning();
    }

    private boolean hasCalls() {
        return queues.values().stream().anyMatch(queue -> !queue.isEmpty());
    }

    private long sweep(long now) {
        long sleep = LONGEST_SLEEP_NANOS;
        for (DeadlineQueue queue : queues.values()) {
            sleep = Math.min(sleep, queue.sweep(now, call -> callbacks.execute(() -> expire(call))));
        }
        return sleep;
    }

    private static void expire(GuardedCall<?> call) {
        try {
            call.expire();
        } catch (RuntimeException | Error e) {
            LOG.error("A call to the rate limit store could not be ended at its deadline.", e);
        }
    }
}
