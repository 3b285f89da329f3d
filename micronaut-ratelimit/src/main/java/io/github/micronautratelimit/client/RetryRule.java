package io.github.micronautratelimit.client;

import java.util.Set;

/**
 * Says which calls are repeated and after which delay. The delay is random between 0 and a bound that doubles with each
 * repetition ("full jitter"), so that calls which failed together are not repeated together.
 *
 * <p>Pure.
 */
final class RetryRule {

    private static final Set<Integer> STATUSES = Set.of(429, 502, 503, 504);
    private static final long FIRST_NANOS = 100_000_000;
    private static final long LONGEST_NANOS = 10_000_000_000L;

    private RetryRule() {}

    /** Returns whether a call with a status may succeed later. */
    static boolean isTransient(int status) {
        return STATUSES.contains(status);
    }

    /**
     * Returns the delay before a repetition.
     *
     * @param repeated the earlier repetitions of the call
     * @param random   a number from 0 to 1
     * @return nanoseconds
     */
    static long delayNanos(int repeated, double random) {
        long bound = Math.min(LONGEST_NANOS, FIRST_NANOS << Math.min(10, repeated));
        return (long) (bound * random);
    }
}
