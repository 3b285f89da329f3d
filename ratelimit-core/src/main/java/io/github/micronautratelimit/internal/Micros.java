package io.github.micronautratelimit.internal;

import java.time.Duration;
import java.time.Instant;

/** Converts between durations and whole microseconds. */
public final class Micros {

    private static final long PER_SECOND = 1_000_000;
    private static final int NANOS = 1_000;

    private Micros() {}

    /**
     * Converts a duration; a fraction of a microsecond is cut off.
     *
     * @param duration any duration
     * @return microseconds
     * @throws ArithmeticException if the microseconds exceed a {@code long}
     */
    public static long of(Duration duration) {
        return Math.addExact(Math.multiplyExact(duration.getSeconds(), PER_SECOND), duration.getNano() / NANOS);
    }

    /**
     * Converts a duration without loss.
     *
     * @param duration any duration
     * @param name     the name of the value in the exception, at the beginning of a sentence
     * @param range    the valid range in the exception
     * @return microseconds
     * @throws IllegalArgumentException if the duration has a fraction of a microsecond or exceeds a {@code long}
     */
    public static long exact(Duration duration, String name, String range) {
        try {
            if (duration.toNanosPart() % NANOS == 0) {
                return of(duration);
            }
        } catch (ArithmeticException e) {
            // Out of any range.
        }
        throw new IllegalArgumentException(
                name + " is " + duration + "; it must be a whole number of microseconds, " + range + ".");
    }

    /**
     * Converts microseconds.
     *
     * @param micros 0 or more
     * @return the same time as a duration
     */
    public static Duration duration(long micros) {
        return Duration.ofSeconds(micros / PER_SECOND, micros % PER_SECOND * NANOS);
    }

    /**
     * Converts microseconds since the epoch.
     *
     * @param micros 0 or more
     * @return the same time as an instant
     */
    public static Instant instant(long micros) {
        return Instant.ofEpochSecond(micros / PER_SECOND, micros % PER_SECOND * NANOS);
    }
}
