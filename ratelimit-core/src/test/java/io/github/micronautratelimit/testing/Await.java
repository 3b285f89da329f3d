package io.github.micronautratelimit.testing;

import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Assertions;

/** Waits for what other threads do, at most 30 seconds. */
public final class Await {

    private static final Duration LONGEST = Duration.ofSeconds(30);
    /** A thread that waits must leave the processor to the threads it waits for. */
    private static final long POLL_NANOS = 500_000;

    private Await() {}

    /** Waits until a condition holds; fails with the description of the condition otherwise. */
    public static void until(String description, BooleanSupplier condition) {
        long end = System.nanoTime() + LONGEST.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end >= 0) {
                Assertions.fail("Still waiting until " + description);
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /** Waits until a duration has passed since an instant of {@link System#nanoTime()}. */
    public static void untilPassed(long sinceNanos, Duration duration) {
        until(duration + " have passed", () -> System.nanoTime() - sinceNanos >= duration.toNanos());
    }

    /** Waits for the result of a stage. */
    public static <T> T result(CompletionStage<T> stage) {
        return stage.toCompletableFuture()
                .orTimeout(LONGEST.toNanos(), TimeUnit.NANOSECONDS)
                .join();
    }
}
