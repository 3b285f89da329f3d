package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.internal.Futures;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether and when a call that the store throttled is repeated.
 *
 * <p>The delay doubles with each attempt, and half of it is random, so that instances do not repeat their calls at the
 * same time. A caller gives up after half of its deadline: then its guard learns that the key is throttled, and does
 * not take the store for late. At most {@value #MAX_DELAYED} calls are delayed at the same time, so that a store that
 * throttles everything is not called more often than before.
 */
final class ThrottledCalls {

    static final int MAX_DELAYED = 100;

    private static final long FIRST_DELAY_NANOS = Duration.ofMillis(5).toNanos();
    private static final long LONGEST_DELAY_NANOS = Duration.ofMillis(160).toNanos();
    private static final int MAX_DOUBLINGS = 5;

    private final LongFunction<Executor> timer;
    private final LongSupplier nanoTime;
    private final LongUnaryOperator randomBelow;
    private final AtomicInteger delayed = new AtomicInteger();

    /** Creates a timer that continues on the common pool, so that no thread of the store waits or works. */
    ThrottledCalls() {
        this(nanos -> CompletableFuture.delayedExecutor(nanos, TimeUnit.NANOSECONDS));
    }

    /** Creates a timer for tests. It takes a delay in nanoseconds and returns an executor that runs tasks after it. */
    ThrottledCalls(LongFunction<Executor> timer) {
        this(timer, System::nanoTime, bound -> ThreadLocalRandom.current().nextLong(bound));
    }

    /** Creates a timer with a clock and a source of random numbers from 0 to below its argument, for tests. */
    ThrottledCalls(LongFunction<Executor> timer, LongSupplier nanoTime, LongUnaryOperator randomBelow) {
        this.timer = timer;
        this.nanoTime = nanoTime;
        this.randomBelow = randomBelow;
    }

    static boolean isThrottled(@Nullable Throwable failure) {
        return failure != null && Futures.unwrap(failure) instanceof StoreThrottledException;
    }

    /** Returns the delay before an attempt, in nanoseconds. The first repetition is attempt 1. */
    long delayNanos(int attempt, long timeoutNanos) {
        long doubled = FIRST_DELAY_NANOS << Math.min(attempt - 1, MAX_DOUBLINGS);
        long longest = Math.max(1, Math.min(Math.min(doubled, LONGEST_DELAY_NANOS), timeoutNanos / 4));
        return longest - randomBelow.applyAsLong(longest / 2 + 1);
    }

    /** Returns the time after which a caller gives up, in nanoseconds. */
    static long patienceNanos(long timeoutNanos) {
        return timeoutNanos / 2;
    }

    /**
     * Runs a task after a delay.
     *
     * @return whether it will run; {@code false} if too many calls are delayed
     */
    boolean after(long nanos, Runnable task) {
        if (delayed.incrementAndGet() > MAX_DELAYED) {
            delayed.decrementAndGet();
            return false;
        }
        timer.apply(nanos).execute(() -> {
            delayed.decrementAndGet();
            task.run();
        });
        return true;
    }

    /** Makes a call that no other caller shares, and repeats it while it is throttled and there is time. */
    <T> CompletionStage<T> repeated(long timeoutNanos, Supplier<CompletionStage<T>> call) {
        return attempt(nanoTime.getAsLong() + patienceNanos(timeoutNanos), timeoutNanos, 1, call);
    }

    private <T> CompletionStage<T> attempt(
            long endNanos, long timeoutNanos, int repetition, Supplier<CompletionStage<T>> call) {
        return Futures.call(call).exceptionallyCompose(failure -> {
            long delay = delayNanos(repetition, timeoutNanos);
            CompletableFuture<T> later = new CompletableFuture<>();
            boolean repeats = isThrottled(failure)
                    && nanoTime.getAsLong() + delay - endNanos < 0
                    && after(delay, () -> attempt(endNanos, timeoutNanos, repetition + 1, call)
                            .whenComplete((value, last) -> settle(later, value, last)));
            return repeats ? later : CompletableFuture.failedFuture(Futures.unwrap(failure));
        });
    }

    private static <T> void settle(CompletableFuture<T> stage, T value, @Nullable Throwable failure) {
        if (failure == null) {
            stage.complete(value);
        } else {
            stage.completeExceptionally(Futures.unwrap(failure));
        }
    }
}
