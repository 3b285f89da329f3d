package io.github.micronautratelimit.examples.distributed;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for conditions of other processes. */
final class Eventually {

    private static final Duration TIMEOUT = Duration.ofSeconds(120);
    private static final int POLL_MILLIS = 5;

    private Eventually() {}

    /** Returns as soon as the condition holds. Fails after a timeout that is longer than a slow machine needs. */
    static void await(String expectation, BooleanSupplier condition) {
        long end = System.nanoTime() + TIMEOUT.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("Timeout after " + TIMEOUT.toSeconds() + " s; expected: " + expectation);
            }
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError(e);
            }
        }
    }
}
