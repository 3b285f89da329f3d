package io.github.micronautratelimit.limit;

import io.github.micronautratelimit.internal.Micros;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The state of one key under the limits of a policy, at one instant. An immutable value with the pure arithmetic on it.
 *
 * <p>A backend decides in three steps. It brings the stored state forward with {@link #carryOver} and calls
 * {@link #admits}. If the request is admitted, it stores the result of {@link #charge} and returns the decision on it.
 * Otherwise it stores nothing and returns the denial, with {@link #retryAfter} and {@link #deniedBy}.
 *
 * <p>No method reads a clock or does I/O. Safe for use by any number of threads.
 */
public abstract sealed class LimitState permits SingleLimitState, CompositeState, BlockedState, ReservedState {

    /** Returned by {@link #retryAfter} for a request that can never pass because it exceeds the capacity. */
    public static final long NEVER = -1;

    /** For {@link #refund}: the permits were charged last, right before the refund. */
    public static final long LATEST = Long.MAX_VALUE;

    static final long NOT_BLOCKED = Long.MIN_VALUE;

    LimitState() {}

    /**
     * Combines the states of the limits of a policy: either all of them grant and are charged, or none is charged.
     *
     * @param states one or more states that are not blocked, in the order of the policy
     * @return the combined state
     */
    public static LimitState of(List<LimitState> states) {
        return CompositeState.whole(
                states.stream().flatMap(state -> state.parts().stream()).toList());
    }

    /**
     * Brings a stored state forward to an instant, expressed in the limits of the present request.
     *
     * <p>If the limits have changed since the state was written, each limit continues from the state of its own
     * algorithm and period. Otherwise it continues from the first remaining state that it can carry over; see
     * {@link Limit#stateAt}. A block (see {@link #blockedUntil}) stays until it is over, whatever the limits.
     *
     * @param limits    the limits of the request, in order, at least one
     * @param stored    the stored state; {@code null} for a key without one
     * @param nowMicros the instant, in microseconds since the epoch
     * @return the state at that instant
     */
    public static LimitState carryOver(List<Limit> limits, @Nullable LimitState stored, long nowMicros) {
        if (limits.size() == 1 && (stored == null || stored instanceof SingleLimitState)) {
            return limits.get(0).stateAt(stored, nowMicros);
        }
        if (stored instanceof ReservedState reserved) {
            return reserved.at(limits, nowMicros);
        }
        if (stored instanceof BlockedState blocked) {
            LimitState unblocked = carryOver(limits, blocked.unblocked(), nowMicros);
            return nowMicros < blocked.blockedUntil() ? unblocked.blockedUntil(blocked.blockedUntil()) : unblocked;
        }
        List<@Nullable SingleLimitState> before = predecessors(limits, stored == null ? List.of() : stored.parts());
        List<SingleLimitState> parts = new ArrayList<>(limits.size());
        for (int i = 0; i < limits.size(); i++) {
            parts.add(limits.get(i).single(before.get(i), nowMicros));
        }
        return CompositeState.whole(parts);
    }

    private static List<@Nullable SingleLimitState> predecessors(List<Limit> limits, List<SingleLimitState> stored) {
        List<@Nullable SingleLimitState> before = new ArrayList<>(limits.size());
        if (isOf(limits, stored)) {
            before.addAll(stored);
            return before;
        }
        List<SingleLimitState> remaining = new ArrayList<>(stored);
        for (Limit limit : limits) {
            before.add(takeFirst(
                    remaining,
                    state -> limit.continues(state) && state.limit().periodMicros() == limit.periodMicros()));
        }
        for (int i = 0; i < before.size(); i++) {
            if (before.get(i) == null) {
                before.set(i, takeFirst(remaining, limits.get(i)::continues));
            }
        }
        return before;
    }

    private static boolean isOf(List<Limit> limits, List<SingleLimitState> stored) {
        if (stored.size() != limits.size()) {
            return false;
        }
        for (int i = 0; i < stored.size(); i++) {
            if (!stored.get(i).limit().equals(limits.get(i))) {
                return false;
            }
        }
        return true;
    }

    private static @Nullable SingleLimitState takeFirst(
            List<SingleLimitState> states, Predicate<SingleLimitState> wanted) {
        for (int i = 0; i < states.size(); i++) {
            if (wanted.test(states.get(i))) {
                return states.remove(i);
            }
        }
        return null;
    }

    /**
     * Returns whether a request fits the free permits.
     *
     * @param permits the permits of the request, 0 or more; 0 is always admitted
     * @return {@code true} if {@link #charge} may be called with this number
     */
    public abstract boolean admits(long permits);

    /**
     * Takes permits.
     *
     * @param permits a number that {@link #admits} has admitted
     * @return the new state
     */
    public abstract LimitState charge(long permits);

    /**
     * Takes permits that have been used already, even if they are not free. The key is then in debt: requests are
     * denied until the debt is repaid.
     *
     * @param permits 0 or more
     * @param maxDebt the permits that may be missing beyond the capacity of each limit, and together with it at most
     *                {@link Limit#MAX_PERMITS}; a negative number stands for the capacity. A limit whose debt would be
     *                larger takes fewer permits
     * @return the new state
     */
    public abstract LimitState chargeBeyond(long permits, long maxDebt);

    /**
     * Gives back permits, as far as their charge still takes them. Permits that have come back with time are not given
     * back once more, so a refund never leaves more room than the same history without the charge:
     * <ul>
     *   <li>a fixed window gives back the permits if it is still the window of the charge;</li>
     *   <li>a sliding window takes them from the segment of the charge, if that is still in the window;</li>
     *   <li>for a token bucket see {@link TokenBucket}.</li>
     * </ul>
     *
     * @param permits         0 or more; at most the permits that are taken are given back
     * @param chargedAtMicros the instant of the charge, in microseconds since the epoch by the clock that decided; with
     *                        {@link #LATEST} this is the inverse of {@link #charge} at the same instant, and gives back
     *                        the permits that were taken last
     * @return the new state
     */
    public abstract LimitState refund(long permits, long chargedAtMicros);

    /**
     * Returns the whole permits that are free now.
     *
     * @return 0 or more
     */
    public abstract long remaining();

    /**
     * Returns how long a denied request has to wait if no other request takes permits. If the state was written by a
     * clock that is ahead of the caller's, the time is at most what the limits can need: the permits may take longer,
     * but one of the clocks is wrong, and the next answer says more.
     *
     * @param permits   the permits of the request, more than are free now
     * @param nowMicros the present instant of the caller, in microseconds since the epoch
     * @return microseconds, or {@link #NEVER} if the permits exceed the capacity
     */
    public abstract long retryAfter(long permits, long nowMicros);

    /**
     * Returns how long it takes until all permits are free if no request takes any; bounded like {@link #retryAfter} if
     * clocks differ.
     *
     * @param nowMicros the present instant of the caller, in microseconds since the epoch
     * @return microseconds; 0 if all permits are free
     */
    public abstract long resetAfter(long nowMicros);

    /**
     * Returns how long a store has to keep the state. This is {@link #resetAfter} without its bound: a key that is
     * removed by a clock that lags would be full too early.
     *
     * @param nowMicros the present instant of the caller, in microseconds since the epoch
     * @return microseconds; 0 if the state is empty
     */
    public abstract long expiresAfter(long nowMicros);

    /**
     * Blocks the key until an instant: until then no permits are granted, even if some are free. Spent permits stay
     * spent and come back with time as usual, so the key is not free earlier than without the block. A block that
     * already lasts longer stays.
     *
     * @param untilMicros the end of the block, in microseconds since the epoch
     * @return the blocked state; {@link #carryOver} lifts the block at its end
     */
    public final LimitState blockedUntil(long untilMicros) {
        return ReservedState.whole(
                new BlockedState(unblocked(), Math.max(untilMicros, blockedUntil())), openReservations());
    }

    /**
     * Charges permits on an estimate, to be settled until an instant.
     *
     * @param id               of the reservation, 128 random bits; not open yet
     * @param permits          a number that {@link #admits} has admitted
     * @param nowMicros        the instant of the decision, in microseconds since the epoch
     * @param expiresAtMicros  the instant from which on the reservation is not open any more
     * @param refundedAtExpiry whether the permits are given back at that instant, rather than stay charged
     * @return the new state
     */
    public final LimitState reserve(
            UUID id, long permits, long nowMicros, long expiresAtMicros, boolean refundedAtExpiry) {
        return ReservedState.of(this).with(new Reserved(id, permits, nowMicros, expiresAtMicros, refundedAtExpiry));
    }

    /**
     * Returns this state with a reservation whose permits it counts already, for stores that keep reservations apart.
     *
     * @param id               of the reservation
     * @param permits          the estimate
     * @param chargedAtMicros  the instant of the charge, in microseconds since the epoch
     * @param expiresAtMicros  the instant from which on the reservation is not open any more
     * @param refundedAtExpiry whether the permits are given back at that instant, rather than stay charged
     * @return the state with the reservation; {@link #carryOver} removes it if it has expired
     */
    public final LimitState withReservation(
            UUID id, long permits, long chargedAtMicros, long expiresAtMicros, boolean refundedAtExpiry) {
        return ReservedState.of(this)
                .withOpen(new Reserved(id, permits, chargedAtMicros, expiresAtMicros, refundedAtExpiry));
    }

    /**
     * Returns the instant of the charge of an open reservation.
     *
     * @param id of the reservation
     * @return microseconds since the epoch; {@link #NEVER} if it is unknown, settled or expired
     */
    public long reservedAt(UUID id) {
        return NEVER;
    }

    /**
     * Returns the number of open reservations.
     *
     * @return 0 or more
     */
    public int reservations() {
        return 0;
    }

    /**
     * Returns the instant at which the first open reservation expires.
     *
     * @return microseconds since the epoch; {@link Long#MAX_VALUE} if none is open
     */
    public long firstExpiryMicros() {
        return Long.MAX_VALUE;
    }

    /**
     * Ends an open reservation with the permits that were really used: gives back the difference, or charges it as
     * {@link #chargeBeyond} does.
     *
     * @param id      an id that {@link #reservedAt} knows
     * @param actual  the permits used, 0 or more
     * @param maxDebt see {@link #chargeBeyond}
     * @return the new state
     */
    public LimitState settle(UUID id, long actual, long maxDebt) {
        throw new IllegalStateException("The key has no open reservation " + id + ".");
    }

    /**
     * Joins two copies of a state, for stores that recover from a network partition. The result denies every request
     * that one of the copies denies. The limits are those of this state; the other one is carried over as in
     * {@link #carryOver}.
     *
     * @param other the copy of another part of the store
     * @return the joined state
     */
    public final LimitState join(LimitState other) {
        List<SingleLimitState> own = parts();
        List<Limit> limits = own.stream().map(SingleLimitState::limit).toList();
        List<SingleLimitState> others = carryOver(limits, other.unblocked(), 0).parts();
        List<SingleLimitState> joined = new ArrayList<>(own.size());
        for (int i = 0; i < own.size(); i++) {
            joined.add(own.get(i).joinSame(others.get(i)));
        }
        LimitState both = CompositeState.whole(joined);
        long until = Math.max(blockedUntil(), other.blockedUntil());
        return ReservedState.whole(
                until == NOT_BLOCKED ? both : new BlockedState(both, until), ReservedState.union(this, other));
    }

    /**
     * Returns how much of each limit is used. A block is not a use.
     *
     * @param nowMicros the instant of this state, in microseconds since the epoch
     * @return one element per limit, in the order of the policy
     */
    public final List<Limit.Usage> usage(long nowMicros) {
        return parts().stream()
                .map(part -> new Limit.Usage(
                        part.limit(),
                        part.spent(),
                        part.remaining(),
                        Micros.instant(nowMicros + part.renewedAfter(nowMicros)),
                        false))
                .toList();
    }

    /**
     * Returns the limits that deny a request.
     *
     * @param permits the permits of the request
     * @return the denying limits in the order of the policy; empty if the request is admitted
     */
    public abstract List<Limit> deniedBy(long permits);

    /** Returns the states of the single limits in the order of the policy. */
    abstract List<SingleLimitState> parts();

    /** Returns the open reservations in the order of their expiry. */
    List<Reserved> openReservations() {
        return List.of();
    }

    /** Returns the state without its block and reservations. */
    LimitState unblocked() {
        return this;
    }

    /** Returns the end of the block, or {@link #NOT_BLOCKED}. */
    long blockedUntil() {
        return NOT_BLOCKED;
    }

    /**
     * Returns whether the key can be removed without a change of any decision.
     *
     * @param nowMicros the instant, in microseconds since the epoch
     * @return {@code true} if all permits are free and the key is not blocked
     */
    public final boolean isBlank(long nowMicros) {
        return expiresAfter(nowMicros) <= 0;
    }

    /**
     * Returns the permits that are spent in this state and not in another one, of several limits the largest number.
     *
     * @param other a state of the same limits at the same instant
     * @return permits, 0 or more; a fraction counts as a permit
     */
    public final long spentBeyond(LimitState other) {
        List<SingleLimitState> own = parts();
        List<SingleLimitState> others = other.parts();
        long spent = 0;
        for (int i = 0; i < own.size(); i++) {
            spent = Math.max(spent, own.get(i).spentBeyondSame(others.get(i)));
        }
        return spent;
    }
}
