package io.github.micronautratelimit.web;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The time to wait in {@code Retry-After}: the exact one, and more if clients that are denied together should not
 * return together. Safe for use by any number of threads.
 */
public final class RetryAfter {

    /** The longest {@code spread}. */
    public static final Duration LONGEST_SPREAD = Duration.ofHours(1);

    private static final int MICROS_PER_MILLI = 1_000;

    private final long jitterSeconds;
    private final @Nullable ReturnTimes returns;
    private final LongSupplier microsNow;

    /**
     * Creates times to wait without a spread.
     *
     * @param jitter the most time that is added at random; whole seconds
     * @throws IllegalArgumentException if the jitter is negative or has a fraction
     */
    public RetryAfter(Duration jitter) {
        this(jitter, Duration.ZERO, 1, () -> 0);
    }

    /**
     * Creates times to wait.
     *
     * @param jitter    the most time that is added at random; whole seconds
     * @param spread    the most time that is added so that each of the clients denied together comes back when a permit
     *                  of its own may be free; whole seconds up to {@link #LONGEST_SPREAD}, zero for the exact times
     * @param instances the number of instances that share the limits, at least 1
     * @param microsNow returns the time in microseconds since the epoch
     * @throws IllegalArgumentException if the jitter or the spread is out of range or has a fraction
     */
    public RetryAfter(Duration jitter, Duration spread, int instances, LongSupplier microsNow) {
        this(jitter, spread, instances, microsNow, bound -> ThreadLocalRandom.current()
                .nextLong(bound + 1));
    }

    RetryAfter(Duration jitter, Duration spread, int instances, LongSupplier microsNow, LongUnaryOperator random) {
        requireWholeSeconds("jitter", jitter);
        requireWholeSeconds("spread", spread);
        if (spread.compareTo(LONGEST_SPREAD) > 0) {
            throw new IllegalArgumentException("The spread is " + spread + "; write at most 1h.");
        }
        this.jitterSeconds = jitter.toSeconds();
        this.microsNow = microsNow;
        this.returns =
                spread.isZero() ? null : new ReturnTimes(spread.toMillis() * MICROS_PER_MILLI, instances, random);
    }

    private static void requireWholeSeconds(String name, Duration duration) {
        if (duration.isNegative()) {
            throw new IllegalArgumentException("The " + name + " is " + duration + "; write 0s or more.");
        }
        if (duration.toNanosPart() != 0) {
            throw new IllegalArgumentException("The " + name + " is " + duration
                    + ", but Retry-After counts whole seconds; write a number of seconds such as 2s.");
        }
    }

    /**
     * Returns the time to wait of a denied request. With a spread, each call is the denial of one more client.
     *
     * @param decisions the decisions, at least one of them a denial
     * @return whole seconds, at least 1; 0 if the request can never pass
     */
    public long seconds(Decisions decisions) {
        long micros = decisions.retryAfterMicros();
        if (micros == LimitState.NEVER) {
            return 0;
        }
        if (returns != null && !decisions.isUnavailable()) {
            micros = spread(returns, decisions, micros);
        }
        long wait = Math.max(1, PolicyHeaderText.seconds(micros));
        return jitterSeconds == 0 ? wait : wait + ThreadLocalRandom.current().nextLong(jitterSeconds + 1);
    }

    /** The denial with the longest time to wait decides when the client may come back. */
    private long spread(ReturnTimes times, Decisions decisions, long longest) {
        for (int i = 0; i < decisions.list().size(); i++) {
            if (decisions.list().get(i) instanceof Decision.Denied denial && denial.retryAfterMicros() == longest) {
                return times.waitMicros(decisions.requests().get(i), denial, microsNow.getAsLong());
            }
        }
        return longest;
    }
}
