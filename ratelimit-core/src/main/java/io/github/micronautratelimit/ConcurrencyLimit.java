package io.github.micronautratelimit;

import java.time.Duration;

/**
 * How many may hold a place under a key at the same time: {@code 5 concurrent}. For what stays open or takes its time:
 * connections, uploads, jobs.
 *
 * <p>A place is held by a {@link Lease}, which is renewed while it is open. The places of a process that dies come free
 * when their lease time is over: {@code 5 concurrent lease 10s} frees them after 10 seconds, and renews three times as
 * often. Such a limit has no period, so it is no {@link Limit}: a {@link Policy} has at most one beside its limits.
 *
 * <p>Prints as the text it is read from. Immutable.
 *
 * @param holders     how many may hold a place at once, 1 to {@link #MAX_HOLDERS}
 * @param leaseMicros how long a place is kept without renewal, in microseconds: 1 second to 1 day
 */
public record ConcurrencyLimit(long holders, long leaseMicros) {

    /** The most places a key can have. */
    public static final long MAX_HOLDERS = 1_000_000;

    /** The lease time where none is written: 30 seconds. */
    public static final Duration DEFAULT_LEASE = Duration.ofSeconds(30);

    static final long SHORTEST_LEASE_MICROS = 1_000_000;
    static final long LONGEST_LEASE_MICROS = 86_400_000_000L;

    /**
     * A concurrency limit.
     *
     * @param holders     how many may hold a place at once
     * @param leaseMicros how long a place is kept without renewal, in microseconds
     * @throws IllegalArgumentException if a number is out of range
     */
    public ConcurrencyLimit {
        if (holders < 1 || holders > MAX_HOLDERS) {
            throw new IllegalArgumentException(
                    "A concurrency limit has from 1 to " + MAX_HOLDERS + " places, not " + holders + ".");
        }
        if (leaseMicros < SHORTEST_LEASE_MICROS || leaseMicros > LONGEST_LEASE_MICROS) {
            throw new IllegalArgumentException("A lease lasts from 1s to 1day, not " + leaseMicros + " microseconds.");
        }
    }

    /**
     * So many at once, with the {@link #DEFAULT_LEASE}.
     *
     * @param holders how many may hold a place at once
     * @throws IllegalArgumentException if the number is out of range
     */
    public ConcurrencyLimit(long holders) {
        this(holders, LimitText.micros(DEFAULT_LEASE));
    }

    /**
     * How long a place is kept without renewal.
     *
     * @return 1 second to 1 day
     */
    public Duration lease() {
        return LimitText.duration(leaseMicros);
    }

    /** The text form. */
    @Override
    public String toString() {
        return holders + " concurrent"
                + (lease().equals(DEFAULT_LEASE) ? "" : " lease " + LimitText.period(leaseMicros));
    }
}
