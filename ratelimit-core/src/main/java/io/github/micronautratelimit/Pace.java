package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.List;

/**
 * The earliest times at which requests that wait for permits one after the other can be granted, as of a decision on
 * the key. The times are lower bounds, because other instances may take permits too. For the first request, and for
 * the others under a single token bucket, they are exact to the microsecond.
 *
 * <p>Pure: knows no clock.
 *
 * @param limits     the limits of the policy
 * @param binding    the limits of which the decision says when they grant again; of the others only the capacity counts
 * @param free       permits that are free now
 * @param nextMicros the time from the decision until further permits are free
 * @param next       the permits that are free then
 */
record Pace(List<Limit> limits, List<Limit> binding, long free, long nextMicros, long next) {

    /** Longer than any time that a caller waits, and short enough for nanoseconds. */
    private static final long LONGEST_MICROS = 1_000_000_000_000_000L;

    /**
     * Returns the pace after a decision.
     *
     * @param decision allowed, or denied with a known time to wait
     * @param permits  the cost of its request
     */
    static Pace after(Policy policy, Decision decision, long permits) {
        List<Limit> limits = policy.rateLimits();
        if (decision.allowed()) {
            List<Limit> binding = limits.size() == 1 ? limits : List.of();
            return new Pace(limits, binding, decision.remaining(), decision.nextPermitMicros(), 1);
        }
        return new Pace(limits, decision.deniedBy(), 0, decision.retryAfterMicros(), permits);
    }

    /**
     * Returns the earliest time from the decision at which a request can be granted.
     *
     * @param permits the sum of its cost and those of all requests before it
     * @return microseconds, 0 or more
     */
    long microsUntil(long permits) {
        long beyond = permits - free;
        if (beyond <= 0) {
            return 0;
        }
        long longest = 0;
        for (Limit limit : limits) {
            longest = Math.max(longest, further(limit, beyond));
        }
        return Math.min(LONGEST_MICROS, nextMicros + longest);
    }

    /** Returns whether the time of {@link #microsUntil} is known, and not only a lower bound. */
    boolean isExact(long permits) {
        return permits <= free
                || !binding.isEmpty() && (permits - free <= next || limits.size() == 1 && isSteady(limits.get(0)));
    }

    /** The time after the next permits until a limit has granted the given number. */
    private long further(Limit limit, long beyond) {
        boolean binds = binding.contains(limit);
        if (limit instanceof TokenBucket) {
            return scaled(
                    Math.max(0, beyond - (binds ? next : limit.capacity())), limit.periodMicros(), limit.permits());
        }
        long periods = (beyond - 1) / limit.permits();
        // The rest of one window and all of the following one may be free within less than a period.
        long whole = limit instanceof FixedWindow && !binds ? Math.max(0, periods - 1) : periods;
        return scaled(whole, isSteady(limit) ? limit.periodMicros() : shortestMicros(limit), 1);
    }

    /** Returns whether further permits come after whole periods, or steadily. */
    private static boolean isSteady(Limit limit) {
        return limit instanceof TokenBucket || limit instanceof FixedWindow window && window.calendar() == null;
    }

    /** Months and years differ in length, and clocks may be set: no window is shorter by more than an eighth. */
    private static long shortestMicros(Limit limit) {
        return limit instanceof FixedWindow ? limit.periodMicros() / 8 * 7 : limit.periodMicros();
    }

    private static long scaled(long number, long factor, long divisor) {
        long product = number * factor;
        boolean fits = Math.multiplyHigh(number, factor) == 0 && product >= 0;
        long quotient = fits ? product / divisor : (long) ((double) number * factor / divisor);
        return Math.min(LONGEST_MICROS, fits && product % divisor != 0 ? quotient + 1 : quotient);
    }
}
