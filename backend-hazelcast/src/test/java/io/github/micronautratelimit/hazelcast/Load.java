package io.github.micronautratelimit.hazelcast;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** Runs threads that acquire permits until a quota is used up, and triggers an event in the cluster meanwhile. */
final class Load {

    private static final long TIMEOUT_SECONDS = 90;

    private final AtomicLong granted = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();

    /** Triggers the event after {@code until} grants, and returns when every thread has been denied. */
    Load(List<? extends RateLimitBackend> callers, int threads, Policy policy, String key, long until, Runnable event) {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                RateLimitBackend caller = callers.get(i % callers.size());
                all.add(executor.submit(() -> acquireAll(caller, policy, key)));
            }
            long since = System.nanoTime();
            while (granted.get() < until && System.nanoTime() - since < TimeUnit.SECONDS.toNanos(TIMEOUT_SECONDS)) {
                LockSupport.parkNanos(1_000_000);
            }
            event.run();
            for (Future<?> each : all) {
                each.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            }
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        } finally {
            executor.shutdownNow();
        }
    }

    private void acquireAll(RateLimitBackend backend, Policy policy, String key) {
        boolean denied = false;
        while (!denied && !Thread.currentThread().isInterrupted()) {
            try {
                denied = !backend.acquire(policy, key, 1)
                        .toCompletableFuture()
                        .get(TIMEOUT_SECONDS, TimeUnit.SECONDS)
                        .allowed();
                granted.addAndGet(denied ? 0 : 1);
            } catch (ExecutionException e) {
                failed.incrementAndGet();
            } catch (TimeoutException e) {
                throw new AssertionError("A decision is missing.", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    long granted() {
        return granted.get();
    }

    long failed() {
        return failed.get();
    }
}
