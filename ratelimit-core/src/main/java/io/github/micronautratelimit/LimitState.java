package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;

/**
 * What a policy remembers of one key at one instant: an immutable value and the pure decisions on it.
 *
 * <p>A backend decides in three lines: bring the stored state forward with {@link Policy#stateAt}, ask
 * {@link #admits}, and either answer {@link #denial} and store nothing, or store {@link #charge} and answer its
 * {@link #grant}. Nothing here reads a clock or does I/O, so any thread may call any of it.
 */
public abstract sealed class LimitState permits SingleState, SeveralStates, BlockedState {

    static final long NOT_BLOCKED = Long.MIN_VALUE;

    LimitState() {
    }

    /**
     * The states of a policy's limits as one: all of them grant, or none is charged.
     *
     * @param each one or more that are not blocked, in the policy's order
     * @return what {@link Policy#stateAt} would make of them
     */
    public static LimitState of(List<LimitState> each) {
        return SeveralStates.whole(each.stream().flatMap(state -> state.parts().stream()).toList());
    }

    /**
     * Whether so many permits are free.
     *
     * @param permits 0 or more; 0 is always admitted
     * @return {@code true} if {@link #charge} may be called with as many
     */
    public abstract boolean admits(long permits);

    /**
     * The state after so many permits were taken.
     *
     * @param permits as many as {@link #admits} has admitted
     * @return the new state
     */
    public abstract LimitState charge(long permits);

    /**
     * The state after the permits taken last were given back; the inverse of {@link #charge} at the same instant.
     *
     * @param permits 0 or more; more than were taken leaves the state as if none had been
     * @return the new state
     */
    public abstract LimitState refund(long permits);

    /**
     * The whole permits free now.
     *
     * @return 0 or more
     */
    public abstract long remaining();

    /**
     * How long after an instant so many permits will be free, if nobody takes any until then.
     *
     * @param permits   more than are free now
     * @param nowMicros the asker's instant, in microseconds since the epoch
     * @return microseconds, or {@link Decision#NEVER} if the permits exceed the capacity
     */
    public abstract long retryAfter(long permits, long nowMicros);

    /**
     * How long after an instant every permit will be free again, if nobody takes any until then. A store may forget
     * the key then.
     *
     * @param nowMicros the asker's instant, in microseconds since the epoch
     * @return microseconds; 0 if every permit is free
     */
    public abstract long resetAfter(long nowMicros);

    /**
     * The same state, except that nothing is granted before an instant, whatever is free. What is spent stays spent and
     * comes back with time as always, so the key is free no sooner than it would have been. A key that is blocked for
     * longer already stays so.
     *
     * @param untilMicros the end of the block, in microseconds since the epoch
     * @return the blocked state; {@link Policy#stateAt} lifts the block when it is over
     */
    public final LimitState blockedUntil(long untilMicros) {
        return new BlockedState(unblocked(), Math.max(untilMicros, blockedUntil()));
    }

    /**
     * The state in which as much is spent as in this one and as in another of the same key: what either of them denies,
     * it denies. For stores whose parts have lost sight of each other and each went on alone. Limits are this state's; of
     * the other counts what {@link Policy#stateAt} would carry over.
     *
     * @param other what another part of the store remembers
     * @return both in one
     */
    public final LimitState join(LimitState other) {
        List<SingleState> mine = parts();
        List<Limit> limits = mine.stream().map(SingleState::limit).toList();
        List<SingleState> others =
                new Policy("joined", limits, OnError.CLOSED).stateAt(other.unblocked(), 0).parts();
        List<SingleState> joined = new ArrayList<>(mine.size());
        for (int i = 0; i < mine.size(); i++) {
            joined.add(mine.get(i).joinSame(others.get(i)));
        }
        LimitState both = SeveralStates.whole(joined);
        long until = Math.max(blockedUntil(), other.blockedUntil());
        return until == NOT_BLOCKED ? both : new BlockedState(both, until);
    }

    /** The limits that do not admit so many permits. */
    abstract List<Limit> deniedBy(long permits);

    /** The states of the single limits, in the policy's order. */
    abstract List<SingleState> parts();

    /** The state as it would be without a block. */
    LimitState unblocked() {
        return this;
    }

    /** The instant until which nothing is granted, or {@link #NOT_BLOCKED}. */
    long blockedUntil() {
        return NOT_BLOCKED;
    }

    /**
     * Whether the state says nothing any more, so that forgetting the key changes no decision.
     *
     * @param nowMicros the instant, in microseconds since the epoch
     * @return {@code true} if every permit is free
     */
    public final boolean isBlank(long nowMicros) {
        return resetAfter(nowMicros) <= 0;
    }

    /**
     * The decision for a request whose permits this state already counts.
     *
     * @param nowMicros the asker's instant, in microseconds since the epoch
     * @return the permits left and when all are back
     */
    public final Decision.Allowed grant(long nowMicros) {
        return new Decision.Allowed(remaining(), resetAfter(nowMicros), Decision.Source.STORE);
    }

    /**
     * The decision for a request that {@link #admits} has not admitted.
     *
     * @param permits   the permits asked for
     * @param nowMicros the asker's instant, in microseconds since the epoch
     * @return what is free, when the request can pass, and which limits denied it
     */
    public final Decision.Denied denial(long permits, long nowMicros) {
        return new Decision.Denied(remaining(), retryAfter(permits, nowMicros), resetAfter(nowMicros),
                deniedBy(permits), Decision.Source.STORE);
    }
}
