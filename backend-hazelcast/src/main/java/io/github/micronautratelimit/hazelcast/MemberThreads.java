package io.github.micronautratelimit.hazelcast;

import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The threads that block during calls, of which each member has its own. If a member freezes, Hazelcast blocks the
 * threads that call it for a minute or more. With common threads, the calls of all other members would soon wait too.
 *
 * <p>Safe for use by any number of threads.
 */
final class MemberThreads implements AutoCloseable {

    private static final int THREADS_PER_MEMBER = 16;
    private static final int MAX_QUEUE = 1_000;
    private static final int IDLE_SECONDS = 30;

    private final Map<String, ThreadPoolExecutor> pools = new ConcurrentHashMap<>();
    private final AtomicLong started = new AtomicLong();
    private volatile boolean closed;

    /** Creates daemon threads that stop when they have been idle for 30 s. */
    static ThreadPoolExecutor pool(String name, int count, BlockingQueue<Runnable> queue, AtomicLong started) {
        ThreadPoolExecutor threads =
                new ThreadPoolExecutor(count, count, IDLE_SECONDS, TimeUnit.SECONDS, queue, work -> {
                    Thread thread = new Thread(work, name + "-" + started.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        threads.allowCoreThreadTimeOut(true);
        return threads;
    }

    /**
     * Returns the threads for calls to a member. They reject work if 1000 calls wait already, or after
     * {@link #close()}.
     *
     * @param member its address, or any text for calls whose member is unknown
     */
    Executor of(String member) {
        ThreadPoolExecutor known = pools.get(member);
        return known != null ? known : create(member);
    }

    private synchronized Executor create(String member) {
        // The address of a member that has left may never return.
        pools.values()
                .removeIf(pool -> pool.getPoolSize() == 0 && pool.getQueue().isEmpty());
        return pools.computeIfAbsent(member, added -> {
            ThreadPoolExecutor pool =
                    pool("ratelimit-wait", THREADS_PER_MEMBER, new ArrayBlockingQueue<>(MAX_QUEUE), started);
            if (closed) {
                pool.shutdown();
            }
            return pool;
        });
    }

    /** Stops the threads when the calls that have begun are done. */
    @Override
    public synchronized void close() {
        closed = true;
        pools.values().forEach(ThreadPoolExecutor::shutdown);
    }
}
