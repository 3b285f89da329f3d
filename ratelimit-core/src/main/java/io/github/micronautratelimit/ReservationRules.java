package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.Limit;

/**
 * The bounds of the reservations of a policy.
 *
 * @param maxOpen          the most open reservations of a key, 1 to {@value #MOST_OPEN}; a further request is
 *                         denied until one is settled or expires
 * @param maxDebt          the permits that a settlement may charge beyond the capacity of a limit;
 *                         {@link #CAPACITY} for as many as its capacity
 * @param refundedAtExpiry whether the estimate is given back if the reservation expires, rather than stays charged
 */
public record ReservationRules(int maxOpen, long maxDebt, boolean refundedAtExpiry) {

    /** The most open reservations of a key. Each takes up to 37 bytes of its state. */
    public static final int MOST_OPEN = 1000;

    /** Stands for the capacity of each limit. */
    public static final long CAPACITY = -1;

    /** {@value #MOST_OPEN} open reservations, a debt up to the capacity, and the estimate stays charged. */
    public static final ReservationRules DEFAULTS = new ReservationRules(MOST_OPEN, CAPACITY, false);

    /**
     * Creates rules.
     *
     * @param maxOpen          the most open reservations of a key
     * @param maxDebt          the permits that a settlement may charge beyond the capacity
     * @param refundedAtExpiry whether the estimate is given back
     * @throws IllegalArgumentException if a number is out of range
     */
    public ReservationRules {
        if (maxOpen < 1 || maxOpen > MOST_OPEN) {
            throw new IllegalArgumentException("A key may have " + maxOpen
                    + " open reservations, which is out of range; write 1 to " + MOST_OPEN + ".");
        }
        if (maxDebt < CAPACITY || maxDebt > Limit.MAX_PERMITS) {
            throw new IllegalArgumentException(
                    "A debt of " + maxDebt + " permits is out of range; write 0 to " + Limit.MAX_PERMITS + ".");
        }
    }
}
