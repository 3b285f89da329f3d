package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Objects;
import java.util.concurrent.Callable;

/** Waits for what another thread is about to do. */
public final class Eventually {

    private static final long NANOS = 30_000_000_000L;

    private Eventually() {
    }

    /** Returns when something is as expected, and fails if it is not within half a minute. */
    public static <T> void equal(T expected, Callable<T> actual) throws Exception {
        long begun = System.nanoTime();
        while (!Objects.equals(expected, actual.call()) && System.nanoTime() - begun < NANOS) {
            Thread.sleep(5);
        }
        assertEquals(expected, actual.call());
    }
}
