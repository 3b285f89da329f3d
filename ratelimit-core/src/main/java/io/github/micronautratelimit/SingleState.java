package io.github.micronautratelimit;

import java.util.List;

/** The state of one limit. */
abstract sealed class SingleState extends LimitState
        permits TokenBucket.State, SlidingWindow.State, FixedWindow.State {

    /** The limit whose numbers the state is written in. */
    abstract Limit limit();

    /** The join with a state of the same limit. */
    abstract SingleState joinSame(SingleState other);

    /** Writes what the limit's {@code read} reads. */
    abstract void write(Wire.Writer out);

    @Override
    public abstract SingleState charge(long permits);

    @Override
    public abstract SingleState refund(long permits);

    @Override
    final List<Limit> deniedBy(long permits) {
        return admits(permits) ? List.of() : limit().alone();
    }

    @Override
    final List<SingleState> parts() {
        return List.of(this);
    }
}
