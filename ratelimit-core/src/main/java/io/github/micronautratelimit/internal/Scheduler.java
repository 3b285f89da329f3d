package io.github.micronautratelimit.internal;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The monotonic clock and the background threads of the layers. {@link #SYSTEM} is the real one. A simulation overrides
 * all methods, and then time passes and threads run as the test says.
 *
 * <p>A class and not an interface: as long as no subclass is loaded, a call costs no dispatch.
 */
public class Scheduler {

    /** The clock and the threads of this process. */
    public static final Scheduler SYSTEM = new Scheduler();

    /** Returned by the step of a {@link Loop} that ends. */
    public static final long END = -1;

    private static final int CALLBACK_THREADS = 8;
    /** Includes threads that replace blocked ones. */
    private static final int MAX_CALLBACK_THREADS = 256;

    private static final long CALLBACK_LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Creates a scheduler to override. */
    protected Scheduler() {}

    /** A background thread that repeats a step and sleeps in between. */
    public interface Loop {

        /** Starts a thread, which ends when a step returns {@link #END}. */
        void start();

        /** Ends the present sleep of the thread. */
        void wakeUp();
    }

    /**
     * Returns the present time.
     *
     * @return nanoseconds since an arbitrary instant; never goes back
     */
    public long nanoTime() {
        return System.nanoTime();
    }

    /**
     * Creates a loop without a thread.
     *
     * @param name the name of the thread
     * @param step returns the nanoseconds to sleep before the next step, or {@link #END}
     * @return a loop that has not started
     */
    public Loop loop(String name, LongSupplier step) {
        return new ThreadLoop(name, step);
    }

    /**
     * Creates a pool for callbacks of the application, which may be slow or block. It has threads only while there are
     * callbacks, and for a second longer.
     *
     * @param name the beginning of the names of the threads
     * @return a pool of daemon threads
     */
    public Executor callbackThreads(String name) {
        return new ForkJoinPool(
                CALLBACK_THREADS,
                pool -> {
                    ForkJoinWorkerThread thread = ForkJoinPool.defaultForkJoinWorkerThreadFactory.newThread(pool);
                    thread.setName(name + thread.getPoolIndex());
                    return thread;
                },
                null,
                true,
                0,
                MAX_CALLBACK_THREADS,
                1,
                null,
                CALLBACK_LINGER_NANOS,
                TimeUnit.NANOSECONDS);
    }

    /**
     * Waits for a result.
     *
     * @param future the result
     * @param nanos  the longest time to wait
     * @return the result
     * @param <T> the type of the result
     * @throws InterruptedException if the waiting thread was interrupted
     * @throws ExecutionException   if the future has failed
     * @throws TimeoutException     if there was no result in time
     */
    public <T> T await(CompletableFuture<T> future, long nanos)
            throws InterruptedException, ExecutionException, TimeoutException {
        return future.get(Math.max(0, nanos), TimeUnit.NANOSECONDS);
    }

    private static final class ThreadLoop implements Loop {

        private final String name;
        private final LongSupplier step;
        private volatile @Nullable Thread thread;

        ThreadLoop(String name, LongSupplier step) {
            this.name = name;
            this.step = step;
        }

        @Override
        public void start() {
            Thread started = new Thread(this::run, name);
            started.setDaemon(true);
            started.start();
        }

        @Override
        public void wakeUp() {
            LockSupport.unpark(thread);
        }

        private void run() {
            thread = Thread.currentThread();
            for (long sleep = step.getAsLong(); sleep != END; sleep = step.getAsLong()) {
                // An interrupted thread would not sleep any more.
                Thread.interrupted();
                LockSupport.parkNanos(sleep);
            }
        }
    }
}
