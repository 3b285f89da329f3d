package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Objects;
import java.util.concurrent.Callable;

/** Waits for the result of another thread. */
public final class Eventually {

    private static final long NANOS = 30_000_000_000L;

    private Eventually() {}

    /** Returns when the value is as expected; fails after 30 seconds. */
    public static <T> void equal(T expected, Callable<T> actual) throws Exception {
        long start = System.nanoTime();
        while (!Objects.equals(expected, actual.call()) && System.nanoTime() - start < NANOS) {
            Thread.sleep(5);
        }
        assertEquals(expected, actual.call());
    }
}
