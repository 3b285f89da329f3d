package io.github.micronautratelimit.tck;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Threads that start together. */
final class ConcurrentCallers {

    private static final int PATIENCE_SECONDS = 120;

    private ConcurrentCallers() {}

    /** The work of one thread. */
    @FunctionalInterface
    interface Work {

        /** Runs on a thread and returns the permits that were granted. */
        long run(int thread);
    }

    /** Runs the work on each thread and returns the sum of the granted permits. Fails if a thread fails or is late. */
    static long granted(int threads, Work work) {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            CyclicBarrier start = new CyclicBarrier(threads);
            List<Future<Long>> results = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int thread = i;
                results.add(executor.submit(() -> {
                    start.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
                    return work.run(thread);
                }));
            }
            long granted = 0;
            for (Future<Long> result : results) {
                granted += result.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            }
            return granted;
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError("A thread failed or did not finish within " + PATIENCE_SECONDS + " s.", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        } finally {
            executor.shutdownNow();
        }
    }
}
