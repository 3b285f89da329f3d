package io.github.micronautratelimit;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * One constraint on a key: an algorithm and its numbers.
 *
 * <p>The three kinds differ in what they promise:
 * <ul>
 *   <li>{@link TokenBucket}, {@code 100/min}: a steady rate with bursts; permits come back one by one.</li>
 *   <li>{@link SlidingWindow}, {@code 1000/h sliding}: never more than so many in <em>any</em> hour.</li>
 *   <li>{@link FixedWindow}, {@code 10000/day fixed}: a quota that starts anew with each calendar period, in UTC.</li>
 * </ul>
 * A limit is written in one line and prints as that line: {@code parse(limit.toString())} equals {@code limit}.
 *
 * <p>Limits are immutable, equal by kind and numbers, and safe for use by any number of threads. They hold nothing
 * about any key: that is the {@link LimitState}.
 */
public abstract sealed class Limit permits TokenBucket, SlidingWindow, FixedWindow {

    /** The most permits one limit may grant per period. Sums of them stay far inside a {@code long}. */
    public static final long MAX_PERMITS = 1_000_000_000_000L;

    /** The longest period: 366 days. */
    public static final Duration MAX_PERIOD = Duration.ofDays(366);

    private final long permits;
    private final long periodMicros;
    /** Named by every denial: made once, so that denying allocates no list. */
    private final List<Limit> alone = List.of(this);

    Limit(long permits, long periodMicros) {
        if (permits < 1 || permits > MAX_PERMITS) {
            throw new IllegalArgumentException(
                    "A limit grants from 1 to " + MAX_PERMITS + " permits per period, not " + permits + ".");
        }
        if (periodMicros < 1 || periodMicros > LimitText.micros(MAX_PERIOD)) {
            throw new IllegalArgumentException(
                    "A limit's period lasts from 1 microsecond to 366 days, not " + periodMicros + " microseconds.");
        }
        this.permits = permits;
        this.periodMicros = periodMicros;
    }

    /**
     * Reads one limit.
     *
     * @param text for example {@code 100/min}, {@code 5/s burst 20}, {@code 3/10s}, {@code 1000/h sliding} or
     *             {@code 10000/day fixed}; units are us, ms, s, min, h and day, and case does not matter
     * @return the limit
     * @throws IllegalArgumentException if the text is no limit; the message says where and what to write instead
     */
    public static Limit parse(String text) {
        return new LimitText(text).onlyLimit();
    }

    /**
     * Reads one or more limits joined by semicolons. {@link Limits#parse} reads a concurrency limit among them too.
     *
     * @param text for example {@code 10/s; 1000/h sliding}
     * @return the limits in the order written, at least one
     * @throws IllegalArgumentException if the text is no list of limits; the message says where and what to write
     */
    public static List<Limit> parseAll(String text) {
        return new LimitText(text).rates();
    }

    /**
     * The permits granted per period.
     *
     * @return at least 1
     */
    public final long permits() {
        return permits;
    }

    /**
     * The period that {@link #permits()} are granted for.
     *
     * @return whole microseconds, at least 1
     */
    public final long periodMicros() {
        return periodMicros;
    }

    /**
     * The period that {@link #permits()} are granted for.
     *
     * @return a positive duration of whole microseconds
     */
    public final Duration period() {
        return LimitText.duration(periodMicros);
    }

    /**
     * The most permits one request can ever be granted: a request for more is denied whatever the state.
     *
     * @return at least 1
     */
    public long capacity() {
        return permits;
    }

    /**
     * Brings a stored state forward to an instant: what has come back by then is back.
     *
     * <p>A state written under other numbers is carried over: permits spent stay spent. A state of another algorithm,
     * or of a window with another period, says nothing to this limit, which then starts afresh. An instant before the
     * state's own is taken as the state's own, so time never runs backwards for a key.
     *
     * @param stored    what was remembered, or {@code null} for a key not seen before
     * @param nowMicros the instant, in microseconds since the epoch
     * @return the state at that instant, written in this limit's numbers
     */
    public final LimitState stateAt(@Nullable LimitState stored, long nowMicros) {
        return single(stored, nowMicros);
    }

    /** What {@link #stateAt} answers. */
    abstract SingleState single(@Nullable LimitState stored, long nowMicros);

    /** This limit as a list. */
    final List<Limit> alone() {
        return alone;
    }

    /** Whether {@link #stateAt} would carry over what the state says. */
    abstract boolean continues(LimitState stored);

    /** Reads a state in this limit's numbers, which that state has written. */
    abstract SingleState read(Wire.Reader in);

    /** What follows {@code permits/period} in the text form: nothing, or a space and words. */
    abstract String suffix();

    @Override
    public final boolean equals(@Nullable Object other) {
        return this == other || other instanceof Limit limit && getClass() == limit.getClass()
                && permits == limit.permits && periodMicros == limit.periodMicros && capacity() == limit.capacity();
    }

    @Override
    public final int hashCode() {
        return Long.hashCode(permits) * 31 + Long.hashCode(periodMicros);
    }

    /** The text form, which {@link #parse} reads back. */
    @Override
    public final String toString() {
        return permits + "/" + LimitText.period(periodMicros) + suffix();
    }
}
