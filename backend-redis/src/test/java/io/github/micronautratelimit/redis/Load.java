package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.redis.server.Eventually;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Concurrent callers that acquire one permit after the other while a test injects faults. Each caller has one call in
 * flight. Fails if a call throws, hangs, or fails with an exception that the client does not report.
 */
final class Load implements AutoCloseable {

    private static final int CALLERS = 16;
    private static final int TIMEOUT_SECONDS = 60;
    private static final int PAUSE_AFTER_FAILURE_MILLIS = 5;

    private final AtomicLong granted = new AtomicLong();
    private final AtomicLong denied = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong timedOut = new AtomicLong();
    private final AtomicLong slowest = new AtomicLong();
    private final Queue<Throwable> forbidden = new ConcurrentLinkedQueue<>();
    private final List<Thread> callers;
    private volatile boolean ended;

    private Load(List<? extends Supplier<CompletionStage<Boolean>>> calls) {
        callers = IntStream.range(0, CALLERS)
                .mapToObj(i -> new Thread(() -> acquire(calls.get(i % calls.size())), "caller-" + i))
                .toList();
        callers.forEach(Thread::start);
    }

    /** Starts callers of one key that use the backends in turn. */
    static Load on(Policy policy, String key, List<? extends RateLimitBackend> backends) {
        return of(backends.stream()
                .<Supplier<CompletionStage<Boolean>>>map(
                        backend -> () -> backend.acquire(policy, key, 1).thenApply(Decision::allowed))
                .toList());
    }

    /** Starts callers of calls that return whether they were granted. */
    static Load of(List<? extends Supplier<CompletionStage<Boolean>>> calls) {
        return new Load(calls);
    }

    private void acquire(Supplier<CompletionStage<Boolean>> call) {
        while (!ended) {
            long start = System.nanoTime();
            try {
                boolean allowed = call.get().toCompletableFuture().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
                (allowed ? granted : denied).incrementAndGet();
            } catch (ExecutionException e) {
                record(e.getCause());
                pause();
            } catch (TimeoutException | InterruptedException | RuntimeException e) {
                forbidden.add(e);
                return;
            }
            slowest.accumulateAndGet(System.nanoTime() - start, Math::max);
        }
    }

    private void record(Throwable reported) {
        failed.incrementAndGet();
        // A call without a reply is reported as a timeout with the exception of the client as its cause.
        Throwable failure =
                reported instanceof TimeoutException && reported.getCause() != null ? reported.getCause() : reported;
        if (failure instanceof RedisCommandTimeoutException) {
            timedOut.incrementAndGet();
        } else if (!(failure instanceof RedisException || failure instanceof IOException)) {
            forbidden.add(failure);
        }
    }

    private static void pause() {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(PAUSE_AFTER_FAILURE_MILLIS));
    }

    /** Returns the number of concurrent callers. */
    static int callers() {
        return CALLERS;
    }

    /**
     * Returns the most permits that may be charged without a grant. Calls in flight when a connection breaks may have
     * been executed, and are sent again on the next connection. Calls that timed out may be executed later.
     *
     * @param breaks how often connections broke
     */
    long chargedWithoutGrant(int breaks) {
        return 2L * CALLERS * breaks + timedOut.get();
    }

    /** Waits for more grants. */
    Load awaitGranted(long more) {
        return await(more + " granted", granted::get, more);
    }

    /** Waits for more denials. */
    Load awaitDenied(long more) {
        return await(more + " denied", denied::get, more);
    }

    /** Waits for more decisions of either kind. */
    Load awaitDecided(long more) {
        return await(more + " decided", () -> granted.get() + denied.get(), more);
    }

    /** Waits for more failures. */
    Load awaitFailed(long more) {
        return await(more + " failed", failed::get, more);
    }

    private Load await(String what, LongSupplier count, long more) {
        long goal = count.getAsLong() + more;
        Eventually.await(
                () -> "more calls: " + what + "; " + this, () -> count.getAsLong() >= goal || !forbidden.isEmpty());
        return this;
    }

    /** Ends the load and waits for the calls in flight. */
    Load end() {
        close();
        assertEquals(List.of(), List.copyOf(forbidden), "thrown, hanging, or not reported by the client");
        return this;
    }

    long granted() {
        return granted.get();
    }

    long failed() {
        return failed.get();
    }

    /** Returns the duration of the slowest call. */
    Duration slowest() {
        return Duration.ofNanos(slowest.get());
    }

    @Override
    public void close() {
        ended = true;
        try {
            for (Thread caller : callers) {
                caller.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Override
    public String toString() {
        return "granted " + granted + ", denied " + denied + ", failed " + failed;
    }
}
