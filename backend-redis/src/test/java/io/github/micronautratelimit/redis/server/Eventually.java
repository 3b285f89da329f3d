package io.github.micronautratelimit.redis.server;

import io.lettuce.core.RedisException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for a condition. Fails after a time that even a slow machine does not need. */
public final class Eventually {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final long POLL_NANOS = 2_000_000;

    private Eventually() {}

    /** Returns as soon as the condition holds. It does not hold while it throws a {@link RedisException}. */
    public static void await(Supplier<String> what, BooleanSupplier condition) {
        long end = System.nanoTime() + TIMEOUT.toNanos();
        while (!holds(condition)) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("Not within " + TIMEOUT.toSeconds() + " s: " + what.get());
            }
            if (Thread.interrupted()) {
                Thread.currentThread().interrupt();
                throw new AssertionError("Interrupted: " + what.get());
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /** Returns as soon as the condition holds. */
    public static void await(String what, BooleanSupplier condition) {
        await(() -> what, condition);
    }

    private static boolean holds(BooleanSupplier condition) {
        try {
            return condition.getAsBoolean();
        } catch (RedisException e) {
            return false;
        }
    }
}
