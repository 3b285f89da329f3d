package io.github.micronautratelimit.limit;

import io.github.micronautratelimit.internal.Micros;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A rate limit: an algorithm and its numbers.
 *
 * <p>There are three kinds:
 * <ul>
 *   <li>{@link TokenBucket}, {@code 100/min}: a steady rate with bursts; permits come back one by one.</li>
 *   <li>{@link SlidingWindow}, {@code 1000/h sliding}: at most 1000 permits in <em>any</em> hour.</li>
 *   <li>{@link FixedWindow}, {@code 10000/day fixed} or {@code 1000/month Europe/Berlin}: a quota per window or
 *       calendar period.</li>
 * </ul>
 *
 * <pre>{@code
 * Limit limit = Limit.tokenBucket(100, Duration.ofMinutes(1));   // or Limit.parse("100/min")
 * }</pre>
 *
 * <p>A limit has a text form of one line, and {@code parse(limit.toString())} equals {@code limit}.
 *
 * <p>Immutable, equal by kind and numbers, and safe for use by any number of threads. A limit contains nothing about
 * keys; the state of a key is a {@link LimitState}.
 */
public abstract sealed class Limit permits TokenBucket, SlidingWindow, FixedWindow {

    /** The most permits per period. Sums of such numbers fit into a {@code long} by far. */
    public static final long MAX_PERMITS = 1_000_000_000_000L;

    /** The longest period, 366 days. */
    public static final Duration MAX_PERIOD = Duration.ofDays(366);

    private final long permits;
    private final long periodMicros;
    /** Every denial names its limit. This list is created once, so that a denial allocates none. */
    private final List<Limit> alone = List.of(this);

    Limit(long permits, long periodMicros) {
        if (permits < 1 || permits > MAX_PERMITS) {
            throw new IllegalArgumentException("A limit of " + permits
                    + " permits per period is out of range; it must be 1 to " + MAX_PERMITS + ".");
        }
        if (periodMicros < 1 || periodMicros > Micros.of(MAX_PERIOD)) {
            throw new IllegalArgumentException("A limit with a period of " + periodMicros
                    + " microseconds is out of range; it must be 1 microsecond to 366 days.");
        }
        this.permits = permits;
        this.periodMicros = periodMicros;
    }

    /**
     * Creates a token bucket that holds the permits of one period.
     *
     * @param permits permits per period, 1 to {@link #MAX_PERMITS}
     * @param period  whole microseconds, 1 microsecond to 366 days
     * @return {@code permits/period}
     * @throws IllegalArgumentException if an argument is out of range
     */
    public static TokenBucket tokenBucket(long permits, Duration period) {
        return tokenBucket(permits, period, permits);
    }

    /**
     * Creates a token bucket.
     *
     * @param permits permits per period, 1 to {@link #MAX_PERMITS}
     * @param period  whole microseconds, 1 microsecond to 366 days
     * @param burst   the permits that the bucket holds, 1 to {@link #MAX_PERMITS}
     * @return {@code permits/period burst N}
     * @throws IllegalArgumentException if an argument is out of range, or the numbers together exceed exact arithmetic
     */
    public static TokenBucket tokenBucket(long permits, Duration period, long burst) {
        return new TokenBucket(permits, micros(period), burst);
    }

    /**
     * Creates a sliding window.
     *
     * @param permits permits per period, 1 to {@link #MAX_PERMITS}
     * @param period  whole microseconds, 1 microsecond to 366 days
     * @return {@code permits/period sliding}
     * @throws IllegalArgumentException if an argument is out of range
     */
    public static SlidingWindow slidingWindow(long permits, Duration period) {
        return new SlidingWindow(permits, micros(period));
    }

    /**
     * Creates a fixed window.
     *
     * @param permits permits per window, 1 to {@link #MAX_PERMITS}
     * @param period  whole microseconds, 1 microsecond to 366 days
     * @return {@code permits/period fixed}
     * @throws IllegalArgumentException if an argument is out of range
     */
    public static FixedWindow fixedWindow(long permits, Duration period) {
        return new FixedWindow(permits, micros(period));
    }

    /**
     * Creates a calendar quota.
     *
     * @param permits permits per window, 1 to {@link #MAX_PERMITS}
     * @param period  for example {@code CalendarPeriod.monthly(1, ZoneId.of("Europe/Berlin"))}
     * @return {@code permits/period}, for example {@code 1000/month Europe/Berlin}
     * @throws IllegalArgumentException if the permits are out of range
     */
    public static FixedWindow fixedWindow(long permits, FixedWindow.CalendarPeriod period) {
        return new FixedWindow(permits, period);
    }

    private static long micros(Duration period) {
        return Micros.exact(period, "The period of a limit", "1 microsecond to 366 days");
    }

    /**
     * Parses one limit.
     *
     * @param text for example {@code 100/min}, {@code 5/s burst 20}, {@code 3/10s}, {@code 1000/h sliding} or
     *             {@code 10000/day fixed}; units are us, ms, s, min, h and day, and case does not matter. Calendar
     *             quotas are {@code 1000/month}, {@code 1000/month from 31}, {@code 1/week from monday},
     *             {@code 12/year from april} and {@code 10000/day Europe/Berlin}, each with a time zone or in UTC;
     *             {@code day} needs the time zone
     * @return the limit
     * @throws IllegalArgumentException if the text is malformed; the message names the position and an example
     */
    public static Limit parse(String text) {
        return new LimitText(text).onlyLimit();
    }

    /**
     * Parses one or more rate limits separated by semicolons. {@link LimitSet#parse} also accepts a concurrency limit.
     *
     * @param text for example {@code 10/s; 1000/h sliding}
     * @return at least one limit, in the order of the text
     * @throws IllegalArgumentException if the text is malformed; the message names the position and an example
     */
    public static List<Limit> parseAll(String text) {
        return new LimitText(text).rateLimits();
    }

    /**
     * Returns the permits per period.
     *
     * @return at least 1
     */
    public final long permits() {
        return permits;
    }

    /**
     * Returns the period of {@link #permits()} in microseconds. The windows of a calendar quota differ; this is the
     * length of the longest if clocks are never set: 1, 7, 31 or 366 days.
     *
     * @return whole microseconds, at least 1
     */
    public final long periodMicros() {
        return periodMicros;
    }

    /**
     * Returns the period of {@link #permits()}.
     *
     * @return a positive duration of whole microseconds
     */
    public final Duration period() {
        return Micros.duration(periodMicros);
    }

    /**
     * Returns the most permits that one request can be granted. A larger request is denied in any state.
     *
     * @return at least 1
     */
    public long capacity() {
        return permits;
    }

    /**
     * Returns the most time that passes until a spent limit has all its permits back. No caller is told to wait longer,
     * unless a block or permits spent under a larger limit take longer.
     *
     * @return microseconds, at least 1
     */
    public abstract long longestResetMicros();

    /**
     * Brings a stored state forward to an instant. Permits that have come back by then are free.
     *
     * <p>A state of the same algorithm with other numbers is carried over: spent permits stay spent. A state of another
     * algorithm, or of a window with another period, is ignored, and the key starts with all permits. An instant
     * earlier than that of the state counts as the instant of the state, so time never goes back for a key.
     *
     * @param stored    the stored state; {@code null} for a key without one
     * @param nowMicros the instant, in microseconds since the epoch
     * @return the state at that instant under this limit
     */
    public final LimitState stateAt(@Nullable LimitState stored, long nowMicros) {
        return single(stored, nowMicros);
    }

    /** Returns the result of {@link #stateAt} by its precise type. */
    abstract SingleLimitState single(@Nullable LimitState stored, long nowMicros);

    /** Returns a list of this limit alone. */
    final List<Limit> alone() {
        return alone;
    }

    /** Returns whether {@link #stateAt} would carry over a state. */
    abstract boolean continues(LimitState stored);

    /** Reads a state under this limit that {@link SingleLimitState#write} has written. */
    abstract SingleLimitState read(StateCodec.Reader in);

    /**
     * Returns the most permits that may be missing if there may be a debt. No store counts more than these.
     *
     * @param maxDebt see {@link LimitState#chargeBeyond}
     * @return the capacity or more, at most {@link #MAX_PERMITS}
     */
    public final long mostMissing(long maxDebt) {
        return Math.min(MAX_PERMITS, capacity() + (maxDebt < 0 ? capacity() : maxDebt));
    }

    /** Returns the text form after {@code permits/period}: nothing, or a space and words. */
    abstract String suffix();

    /** Returns the text form of the period. */
    String periodText() {
        return LimitText.period(periodMicros);
    }

    /** Returns what two limits have in common besides their numbers, if a state of one is a state of the other. */
    Object kind() {
        return getClass();
    }

    @Override
    public final boolean equals(@Nullable Object other) {
        return this == other
                || other instanceof Limit limit
                        && permits == limit.permits
                        && periodMicros == limit.periodMicros
                        && kind().equals(limit.kind())
                        && capacity() == limit.capacity();
    }

    @Override
    public final int hashCode() {
        return Long.hashCode(permits) * 31 + Long.hashCode(periodMicros);
    }

    /** Returns the text form, which {@link #parse} accepts. */
    @Override
    public final String toString() {
        return permits + "/" + periodText() + suffix();
    }

    /**
     * The usage of a limit by a key, for example to show to the customer that the key names.
     *
     * @param limit     the limit
     * @param used      the permits that are spent, rounded up. More than the limit, if a settled reservation has cost
     *                  more than was left, or the limit was lowered
     * @param remaining the permits that are free, 0 or more
     * @param resetsAt  of a {@link FixedWindow}, the end of the present window. Of other limits, the instant at which
     *                  all permits are free if none are spent until then. By the clock of the store
     * @param estimated whether the store was unavailable, so that these are the numbers by which on-error decides
     */
    public record Usage(Limit limit, long used, long remaining, Instant resetsAt, boolean estimated) {

        /**
         * Returns the same numbers as an estimate, for a store that is unavailable.
         *
         * @param whole the limit of which this usage counts a part
         * @return an estimated usage
         */
        public Usage asEstimateOf(Limit whole) {
            return new Usage(whole, used, remaining, resetsAt, true);
        }
    }
}
