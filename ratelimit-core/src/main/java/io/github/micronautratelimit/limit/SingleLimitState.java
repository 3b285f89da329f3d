package io.github.micronautratelimit.limit;

import java.util.List;

/** The state of one limit. */
abstract sealed class SingleLimitState extends LimitState
        permits TokenBucket.State, SlidingWindow.State, FixedWindow.State {

    /** Returns the limit that the state belongs to. */
    abstract Limit limit();

    /** Joins this state and another state of the same limit. */
    abstract SingleLimitState joinSame(SingleLimitState other);

    /** Returns the permits that are spent in this state and not in another state of the same limit. May be negative. */
    abstract long spentBeyondSame(SingleLimitState other);

    /** Writes the state for {@link Limit#read}. */
    abstract void write(StateCodec.Writer out);

    /** Returns the time until all permits are free, however long. */
    abstract long freeAfter(long nowMicros);

    /** Returns the permits that are spent, rounded up. */
    abstract long spent();

    /** Returns the time until the limit has new permits, whether or not it needs them; see {@link Limit.Usage}. */
    long renewedAfter(long nowMicros) {
        return resetAfter(nowMicros);
    }

    /** Returns {@link #freeAfter}, but no more than the limit can need. */
    @Override
    public final long resetAfter(long nowMicros) {
        return Math.min(freeAfter(nowMicros), longestWait());
    }

    @Override
    public long expiresAfter(long nowMicros) {
        return freeAfter(nowMicros);
    }

    /** Returns the most time that this state can need at its own instant. */
    long longestWait() {
        return limit().longestResetMicros();
    }

    @Override
    public abstract SingleLimitState charge(long permits);

    @Override
    public abstract SingleLimitState chargeBeyond(long permits, long maxDebt);

    @Override
    public abstract SingleLimitState refund(long permits, long chargedAtMicros);

    @Override
    public final List<Limit> deniedBy(long permits) {
        return admits(permits) ? List.of() : limit().alone();
    }

    @Override
    final List<SingleLimitState> parts() {
        return List.of(this);
    }
}
