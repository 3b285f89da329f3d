package io.github.micronautratelimit.redis;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for what happens in the background, with a bound that a slow machine does not reach. */
final class Await {

    private static final Duration MOST = Duration.ofSeconds(30);

    private Await() {
    }

    static void until(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + MOST.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("Not within " + MOST.toSeconds() + " s: " + what);
            }
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError(e);
            }
        }
    }
}
