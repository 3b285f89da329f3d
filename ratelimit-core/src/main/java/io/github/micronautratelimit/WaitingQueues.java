package io.github.micronautratelimit;

import io.github.micronautratelimit.WaitingCaller.Outcome;
import io.github.micronautratelimit.internal.IdleStoppingWorker;
import io.github.micronautratelimit.internal.Scheduler;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The queues of all keys of one limiter for which callers wait. One thread wakes them up; it exists only while callers
 * wait, and for a second longer. Completed callers run their callbacks on a separate pool, so a slow or blocking
 * callback delays no other caller. Safe for use by any number of threads.
 */
final class WaitingQueues implements WaitingQueue.Owner {

    private static final long LONGEST_SLEEP_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final Executor CALLBACKS = Scheduler.SYSTEM.callbackThreads("ratelimit-waited-");

    private final Options options;
    private final boolean shared;
    private final ConcurrentHashMap<Object, WaitingQueue> queues = new ConcurrentHashMap<>();
    private final PriorityQueue<Alarm> alarms = new PriorityQueue<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final IdleStoppingWorker worker;
    private volatile boolean closed;

    /**
     * The settings of waiting.
     *
     * @param maxPerKey the most callers that wait for one key
     * @param max       the most callers that wait
     * @param scheduler the clock and the thread
     * @param callbacks runs the callbacks of callers that have waited
     */
    record Options(int maxPerKey, int max, Scheduler scheduler, Executor callbacks) {

        static final int DEFAULT_MAX_PER_KEY = 1_000;
        static final int DEFAULT_MAX = 100_000;
        static final Options DEFAULTS = new Options(DEFAULT_MAX_PER_KEY, DEFAULT_MAX, Scheduler.SYSTEM, CALLBACKS);
    }

    /** The queue of a policy and key whose callers are tried together. */
    record BatchName(Policy policy, String key) {}

    /** The queue of callers of several policies or slots, by the first of them. */
    record Name(String policy, String key) {}

    private record Alarm(long atNanos, WaitingQueue queue) implements Comparable<Alarm> {

        @Override
        public int compareTo(Alarm other) {
            return Long.compare(atNanos, other.atNanos);
        }
    }

    /**
     * Creates queues without callers.
     *
     * @param shared whether other instances may take permits of the same keys
     */
    WaitingQueues(Options options, boolean shared) {
        this.options = options;
        this.shared = shared;
        this.worker = new IdleStoppingWorker(
                "ratelimit-waiting", () -> waiting.get() > 0, this::wakeUpDue, options.scheduler());
    }

    /** Returns the number of callers that wait. */
    int waiting() {
        return waiting.get();
    }

    /** Returns the queue of a name, or {@code null} if no caller waits there. */
    @Nullable
    WaitingQueue find(Object name) {
        return waiting.get() == 0 ? null : queues.get(name);
    }

    /**
     * Adds a caller to a queue.
     *
     * @param own the denial of its own attempt just now, or {@code null} if it has made none
     */
    void join(Object name, WaitingCaller<?> caller, Outcome own, boolean batched, WaitingQueue.Attempt attempt) {
        while (!closed) {
            WaitingQueue queue = queues.computeIfAbsent(
                    name,
                    made -> new WaitingQueue(
                            this,
                            made,
                            new Turns(batched, caller.first().policy(), shared, WaitingQueues::random),
                            attempt));
            if (queue.join(caller, own)) {
                if (closed) {
                    queue.end();
                }
                return;
            }
        }
        caller.decide(own);
    }

    private static long random(long bound) {
        return ThreadLocalRandom.current().nextLong(bound + 1);
    }

    @Override
    public long nanoTime() {
        return options.scheduler().nanoTime();
    }

    @Override
    public boolean admits(int callersOfQueue) {
        if (callersOfQueue >= options.maxPerKey()) {
            return false;
        }
        if (waiting.incrementAndGet() > options.max()) {
            waiting.decrementAndGet();
            return false;
        }
        return true;
    }

    @Override
    public void left() {
        waiting.decrementAndGet();
    }

    @Override
    public void schedule(WaitingQueue queue, long atNanos) {
        boolean earliest;
        synchronized (alarms) {
            Alarm next = alarms.peek();
            earliest = next == null || atNanos < next.atNanos();
            alarms.add(new Alarm(atNanos, queue));
        }
        worker.start();
        if (earliest) {
            worker.wakeUp();
        }
    }

    /** Wakes up the queues whose time has come, and returns the time until the next one. */
    private long wakeUpDue(long now) {
        while (true) {
            Alarm due;
            synchronized (alarms) {
                Alarm next = alarms.peek();
                if (next == null || waiting.get() == 0) {
                    alarms.clear();
                    return LONGEST_SLEEP_NANOS;
                }
                if (next.atNanos() > now) {
                    long sleep = next.atNanos() - now;
                    // The last sleep is never short, because a short sleep takes longer than it should.
                    return sleep > 2 * LONGEST_SLEEP_NANOS ? LONGEST_SLEEP_NANOS : sleep;
                }
                due = alarms.remove();
            }
            due.queue().wakeUp(due.atNanos());
        }
    }

    @Override
    public void run(Runnable completion) {
        options.callbacks().execute(completion);
    }

    @Override
    public void remove(WaitingQueue queue) {
        queues.remove(queue.name(), queue);
    }

    /** Denies all callers that wait now, and lets no more wait. */
    void close() {
        closed = true;
        queues.values().forEach(WaitingQueue::end);
    }
}
