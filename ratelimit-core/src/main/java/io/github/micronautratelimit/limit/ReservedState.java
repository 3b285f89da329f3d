package io.github.micronautratelimit.limit;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A state with open reservations. Their permits are charged like any others; the list only remembers what may still be
 * settled.
 */
final class ReservedState extends LimitState {

    private static final Comparator<Reserved> BY_EXPIRY =
            Comparator.comparingLong(Reserved::expiresAtMicros).thenComparing(Reserved::id);

    private final LimitState state;
    /** At least one, in the order of their expiry. */
    private final List<Reserved> open;

    private ReservedState(LimitState state, List<Reserved> open) {
        this.state = state;
        this.open = open;
    }

    /** Returns a state with these reservations in any order; the state itself if there are none. */
    static LimitState whole(LimitState state, List<Reserved> reservations) {
        return reservations.isEmpty()
                ? state
                : new ReservedState(
                        state, reservations.stream().sorted(BY_EXPIRY).toList());
    }

    /** Returns a state to which a reservation can be added. */
    static ReservedState of(LimitState state) {
        return state instanceof ReservedState reserved ? reserved : new ReservedState(state, List.of());
    }

    /** Returns the reservations that are open in one of two copies of a state. */
    static List<Reserved> union(LimitState one, LimitState other) {
        Map<UUID, Reserved> all = new LinkedHashMap<>();
        one.openReservations().forEach(reservation -> all.put(reservation.id(), reservation));
        other.openReservations().forEach(reservation -> all.putIfAbsent(reservation.id(), reservation));
        return List.copyOf(all.values());
    }

    LimitState with(Reserved reservation) {
        return new ReservedState(state.charge(reservation.permits()), open).withOpen(reservation);
    }

    LimitState withOpen(Reserved reservation) {
        List<Reserved> more = new ArrayList<>(open);
        more.add(reservation);
        return whole(state, more);
    }

    /**
     * Brings the state forward. Reservations that expire on the way are given back at their expiry if they are of that
     * kind, so the result does not depend on when the key is used next.
     */
    LimitState at(List<Limit> limits, long nowMicros) {
        LimitState forward = state;
        List<Reserved> left = new ArrayList<>(open.size());
        for (Reserved reservation : open) {
            if (reservation.expiresAtMicros() > nowMicros) {
                left.add(reservation);
            } else if (reservation.refundedAtExpiry()) {
                forward = carryOver(limits, forward, reservation.expiresAtMicros())
                        .refund(reservation.permits(), reservation.chargedAtMicros());
            }
        }
        return whole(carryOver(limits, forward, nowMicros), left);
    }

    @Override
    public long reservedAt(UUID id) {
        Reserved reservation = find(id);
        return reservation == null ? NEVER : reservation.chargedAtMicros();
    }

    private @Nullable Reserved find(UUID id) {
        for (Reserved reservation : open) {
            if (reservation.id().equals(id)) {
                return reservation;
            }
        }
        return null;
    }

    @Override
    public int reservations() {
        return open.size();
    }

    @Override
    public long firstExpiryMicros() {
        return open.isEmpty() ? Long.MAX_VALUE : open.get(0).expiresAtMicros();
    }

    @Override
    public LimitState settle(UUID id, long actual, long maxDebt) {
        Reserved settled = find(id);
        if (settled == null) {
            return super.settle(id, actual, maxDebt);
        }
        LimitState after = actual > settled.permits()
                ? state.chargeBeyond(actual - settled.permits(), maxDebt)
                : state.refund(settled.permits() - actual, settled.chargedAtMicros());
        return whole(after, open.stream().filter(other -> other != settled).toList());
    }

    @Override
    public boolean admits(long permits) {
        return state.admits(permits);
    }

    @Override
    public LimitState charge(long permits) {
        return new ReservedState(state.charge(permits), open);
    }

    @Override
    public LimitState chargeBeyond(long permits, long maxDebt) {
        return new ReservedState(state.chargeBeyond(permits, maxDebt), open);
    }

    @Override
    public LimitState refund(long permits, long chargedAtMicros) {
        return new ReservedState(state.refund(permits, chargedAtMicros), open);
    }

    @Override
    public long remaining() {
        return state.remaining();
    }

    @Override
    public long retryAfter(long permits, long nowMicros) {
        return state.retryAfter(permits, nowMicros);
    }

    @Override
    public long resetAfter(long nowMicros) {
        return state.resetAfter(nowMicros);
    }

    /**
     * A store keeps the key until the last reservation expires. If that is given back then, the state remembers it for
     * as long as a limit can need.
     */
    @Override
    public long expiresAfter(long nowMicros) {
        long longest = state.expiresAfter(nowMicros);
        for (Reserved reservation : open) {
            long more = reservation.refundedAtExpiry() ? longestResetMicros() : 0;
            longest = Math.max(longest, reservation.expiresAtMicros() + more - nowMicros);
        }
        return longest;
    }

    private long longestResetMicros() {
        long longest = 0;
        for (SingleLimitState part : state.parts()) {
            longest = Math.max(longest, part.limit().longestResetMicros());
        }
        return longest;
    }

    @Override
    public List<Limit> deniedBy(long permits) {
        return state.deniedBy(permits);
    }

    @Override
    List<SingleLimitState> parts() {
        return state.parts();
    }

    @Override
    List<Reserved> openReservations() {
        return open;
    }

    @Override
    LimitState unblocked() {
        return state.unblocked();
    }

    @Override
    long blockedUntil() {
        return state.blockedUntil();
    }
}
