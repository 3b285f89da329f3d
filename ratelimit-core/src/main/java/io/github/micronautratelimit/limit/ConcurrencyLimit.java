package io.github.micronautratelimit.limit;

import io.github.micronautratelimit.internal.Micros;
import java.time.Duration;

/**
 * A limit on the slots of a key that can be held at the same time: {@code 5 concurrent}. For connections, uploads, jobs
 * and other work that takes its time.
 *
 * <p>A slot is held by a lease, which is renewed three times per lease time until it is closed. If a process dies, its
 * slots are free one lease time after the last renewal: {@code 5 concurrent lease 10s} frees them after 10 seconds. A
 * concurrency limit has no period, so it is not a {@link Limit}. A policy has at most one.
 *
 * <p>The text form parses back to an equal limit. Immutable.
 *
 * @param slots       the slots per key, 1 to {@link #MAX_SLOTS}
 * @param leaseMicros the time until a slot that is not renewed is free, in microseconds: 1 second to 1 day
 */
public record ConcurrencyLimit(long slots, long leaseMicros) {

    /** The end of an HTTP request at which the slot of a concurrency limit is released. */
    public enum HoldUntil {

        /**
         * The response is written, or the client has disconnected or reset the stream of its request. The method of the
         * route may still run then, so a client that disconnects again and again can start more work than there are
         * slots.
         */
        RESPONSE,

        /**
         * The response is written, or the client has disconnected and the method of the route has ended: it has
         * returned or thrown, and its stage or publisher has completed, failed or been cancelled. Limits the work, also
         * that of clients that do not wait for it.
         */
        COMPLETION
    }

    /** The most slots of a key. */
    public static final long MAX_SLOTS = 1_000_000;

    /** The default lease time, 30 seconds. */
    public static final Duration DEFAULT_LEASE = Duration.ofSeconds(30);

    static final long SHORTEST_LEASE_MICROS = 1_000_000;
    static final long LONGEST_LEASE_MICROS = 86_400_000_000L;

    /**
     * Creates a limit.
     *
     * @param slots       the slots per key
     * @param leaseMicros the lease time in microseconds
     * @throws IllegalArgumentException if a number is out of range
     */
    public ConcurrencyLimit {
        if (slots < 1 || slots > MAX_SLOTS) {
            throw new IllegalArgumentException(
                    "A concurrency limit of " + slots + " slots is out of range; it must be 1 to " + MAX_SLOTS + ".");
        }
        if (leaseMicros < SHORTEST_LEASE_MICROS || leaseMicros > LONGEST_LEASE_MICROS) {
            throw new IllegalArgumentException(
                    "A lease time of " + leaseMicros + " microseconds is out of range; it must be 1s to 1day.");
        }
    }

    /**
     * Creates a limit with the {@link #DEFAULT_LEASE}.
     *
     * @param slots the slots per key, 1 to {@link #MAX_SLOTS}
     * @throws IllegalArgumentException if the number is out of range
     */
    public ConcurrencyLimit(long slots) {
        this(slots, Micros.of(DEFAULT_LEASE));
    }

    /**
     * Creates a limit.
     *
     * @param slots the slots per key, 1 to {@link #MAX_SLOTS}
     * @param lease the time until a slot that is not renewed is free; whole microseconds, 1 second to 1 day
     * @return the limit
     * @throws IllegalArgumentException if an argument is out of range
     */
    public static ConcurrencyLimit of(long slots, Duration lease) {
        return new ConcurrencyLimit(slots, Micros.exact(lease, "The lease time", "1s to 1day"));
    }

    /**
     * Returns the lease time.
     *
     * @return 1 second to 1 day
     */
    public Duration lease() {
        return Micros.duration(leaseMicros);
    }

    /** Returns the text form. */
    @Override
    public String toString() {
        return slots + " concurrent"
                + (lease().equals(DEFAULT_LEASE) ? "" : " lease " + LimitText.duration(leaseMicros));
    }
}
