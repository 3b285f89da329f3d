package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.redis.server.Eventually;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisException;

/**
 * Callers that ask without pause for one permit at a time, each waiting for its answer, while a test does harm. A
 * caller has one call under way at most. Fails if a call throws, hangs, or fails with something else than what the
 * client reports.
 */
final class Load implements AutoCloseable {

    private static final int CALLERS = 16;
    private static final int PATIENCE_SECONDS = 60;
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
                .mapToObj(i -> new Thread(() -> ask(calls.get(i % calls.size())), "caller-" + i)).toList();
        callers.forEach(Thread::start);
    }

    /** Starts callers of one key, by these backends in turn. */
    static Load on(Policy policy, String key, List<? extends RateLimitBackend> backends) {
        return of(backends.stream().<Supplier<CompletionStage<Boolean>>>map(backend ->
                () -> backend.acquire(policy, key, 1).thenApply(Decision::allowed)).toList());
    }

    /** Starts callers of calls that say whether they were granted. */
    static Load of(List<? extends Supplier<CompletionStage<Boolean>>> calls) {
        return new Load(calls);
    }

    private void ask(Supplier<CompletionStage<Boolean>> call) {
        while (!ended) {
            long start = System.nanoTime();
            try {
                boolean allowed = call.get().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                (allowed ? granted : denied).incrementAndGet();
            } catch (ExecutionException e) {
                note(e.getCause());
                pause();
            } catch (TimeoutException | InterruptedException | RuntimeException e) {
                forbidden.add(e);
                return;
            }
            slowest.accumulateAndGet(System.nanoTime() - start, Math::max);
        }
    }

    private void note(Throwable told) {
        failed.incrementAndGet();
        // What was sent and not answered says so.
        Throwable failure = told instanceof TimeoutException && told.getCause() != null ? told.getCause() : told;
        if (failure instanceof RedisCommandTimeoutException) {
            timedOut.incrementAndGet();
        } else if (!(failure instanceof RedisException || failure instanceof IOException)) {
            forbidden.add(failure);
        }
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_AFTER_FAILURE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** How many calls are under way at once. */
    static int callers() {
        return CALLERS;
    }

    /**
     * How many permits may be charged that nobody was granted, after connections broke so often: what was under way
     * then may have been carried out, and is sent once more on the next connection; what timed out may yet be.
     */
    long chargedForNothing(int breaks) {
        return 2L * CALLERS * breaks + timedOut.get();
    }

    /** Waits for so many more grants. */
    Load awaitGranted(long more) {
        return await(more + " granted", granted::get, more);
    }

    /** Waits for so many more denials. */
    Load awaitDenied(long more) {
        return await(more + " denied", denied::get, more);
    }

    /** Waits for so many more answers of either kind. */
    Load awaitAnswered(long more) {
        return await(more + " answered", () -> granted.get() + denied.get(), more);
    }

    /** Waits for so many more failures. */
    Load awaitFailed(long more) {
        return await(more + " failed", failed::get, more);
    }

    private Load await(String what, LongSupplier count, long more) {
        long goal = count.getAsLong() + more;
        Eventually.await(() -> "more calls: " + what + "; " + this,
                () -> count.getAsLong() >= goal || !forbidden.isEmpty());
        return this;
    }

    /** Ends the calls and waits for those under way. */
    Load end() {
        close();
        assertEquals(List.of(), List.copyOf(forbidden), "thrown, hung, or not what the client reports");
        return this;
    }

    long granted() {
        return granted.get();
    }

    long failed() {
        return failed.get();
    }

    /** The time of the call that took longest. */
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
