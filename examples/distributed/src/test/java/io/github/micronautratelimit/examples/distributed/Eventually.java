package io.github.micronautratelimit.examples.distributed;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for what is bound to happen. */
final class Eventually {

    private static final Duration PATIENCE = Duration.ofSeconds(120);
    private static final int POLL_MILLIS = 5;

    private Eventually() {
    }

    /** Returns as soon as the condition holds; fails if it does not within a time that no slow machine needs. */
    static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("Not within " + PATIENCE.toSeconds() + " s: " + what);
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
