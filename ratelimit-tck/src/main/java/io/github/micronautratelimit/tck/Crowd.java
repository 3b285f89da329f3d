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

/** Threads that all start at the same moment. */
final class Crowd {

    private static final int PATIENCE_SECONDS = 120;

    private Crowd() {
    }

    /** What one thread does. */
    @FunctionalInterface
    interface Work {

        /** Does it and says how many permits it was granted. */
        long of(int thread);
    }

    /** Lets so many threads work and adds up what they were granted; fails if one fails or they take too long. */
    static long granted(int threads, Work work) {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            CyclicBarrier start = new CyclicBarrier(threads);
            List<Future<Long>> results = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int thread = i;
                results.add(executor.submit(() -> {
                    start.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
                    return work.of(thread);
                }));
            }
            long granted = 0;
            for (Future<Long> result : results) {
                granted += result.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            }
            return granted;
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError("A thread of the crowd failed or did not come back.", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        } finally {
            executor.shutdownNow();
        }
    }
}
