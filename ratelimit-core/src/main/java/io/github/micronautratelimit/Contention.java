package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.function.LongUnaryOperator;

/**
 * The delays with which an instance shares permits with others that wait for the same ones. Without others there is no
 * delay that matters.
 *
 * <p>An attempt that finds its permits taken proves that there are others. From then on the instance adds a random
 * delay to each attempt, until a number of attempts have found their permits. All instances do the same, so each is the
 * first about as often, and in sum they ask once or twice per free permit and not once each.
 *
 * <p>The bound of the delays adapts to the number of others as in the congestion control of TCP (Chiu and Jain,
 * Computer Networks 17(1), 1989): its inverse, the eagerness, grows by a constant after a grant and shrinks by a factor
 * after a denial. The eagerness of all instances then becomes the same.
 *
 * <p>An instance that is always the first would never learn of others. So one of {@value #PROBE_EVERY} grants is
 * followed by a delay that is too short to matter, but long enough to be overtaken by an instance that adds none.
 *
 * <p>Pure: knows no clock. Not thread-safe.
 */
final class Contention {

    private static final int PROBE_EVERY = 4;
    private static final long LONGEST_PROBE_MICROS = 2_000;
    /** The attempts without a loss after which others are forgotten. */
    private static final int MEMORY = 32;

    private static final long LONGEST_DELAY_MICROS = 1_000_000;
    private static final int LONGEST_DELAY_STEPS = 16;
    private static final int STEPS_PER_WINDOW = 32;
    private static final int STEPS_PER_SEGMENT = 4;

    /** In delays of one step. */
    private static final double FIRST_EAGERNESS = 0.25;

    private static final double LEAST_EAGERNESS = 1.0 / LONGEST_DELAY_STEPS;
    private static final double MOST_EAGERNESS = 0.5;
    private static final double GROWTH = 0.02;
    private static final double SHRINKAGE = 0.9;

    private final boolean shared;
    /** The time in which about one permit comes free, or a small part of a window. */
    private final long stepMicros;

    private final long longestMicros;
    private double eagerness = FIRST_EAGERNESS;
    private int attemptsToForget;
    private int grants;

    /**
     * Creates a state without others.
     *
     * @param shared whether other instances may take permits of the same keys
     */
    Contention(Policy policy, boolean shared) {
        this.shared = shared;
        long step = LONGEST_DELAY_MICROS / LONGEST_DELAY_STEPS;
        long longest = LONGEST_DELAY_MICROS;
        for (Limit limit : policy.rateLimits()) {
            step = Math.min(step, step(limit));
            longest = Math.min(longest, longest(limit));
        }
        this.stepMicros = step;
        this.longestMicros = longest;
    }

    private static long step(Limit limit) {
        if (limit instanceof FixedWindow) {
            return limit.periodMicros() / STEPS_PER_WINDOW;
        }
        return limit instanceof SlidingWindow window
                ? window.segmentMicros() / STEPS_PER_SEGMENT
                : limit.periodMicros() / limit.permits();
    }

    /** A bucket must not become full while all instances wait, because then permits are lost. */
    private static long longest(Limit limit) {
        return limit instanceof TokenBucket
                ? (long) (2.0 * (limit.capacity() - 1) * limit.periodMicros() / limit.permits())
                : LONGEST_DELAY_MICROS;
    }

    /**
     * Records an attempt that was expected to be granted.
     *
     * @param granted whether it was
     */
    void attempted(boolean granted) {
        if (!granted) {
            eagerness = attemptsToForget == 0 ? FIRST_EAGERNESS : Math.max(LEAST_EAGERNESS, eagerness * SHRINKAGE);
            attemptsToForget = MEMORY;
            return;
        }
        grants++;
        attemptsToForget = Math.max(0, attemptsToForget - 1);
        eagerness = Math.min(MOST_EAGERNESS, eagerness + GROWTH);
    }

    /**
     * Returns the delay of the next attempt.
     *
     * @param granted whether the last attempt was granted
     * @param random  returns a random number from 0 to a bound
     * @return microseconds
     */
    long delayMicros(boolean granted, LongUnaryOperator random) {
        if (attemptsToForget == 0) {
            boolean probes = shared && granted && grants % PROBE_EVERY == 0;
            return probes ? random.applyAsLong(Math.min(LONGEST_PROBE_MICROS, stepMicros / 10)) : 0;
        }
        boolean atOnce = !granted && random.applyAsLong(1) == 0;
        return atOnce ? 0 : random.applyAsLong(Math.min(longestMicros, (long) (stepMicros / eagerness)));
    }
}
