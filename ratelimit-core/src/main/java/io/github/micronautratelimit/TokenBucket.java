package io.github.micronautratelimit;

import java.math.BigInteger;

import org.jspecify.annotations.Nullable;

/**
 * A steady rate with bursts: {@code 100/min}, {@code 5/s burst 20}.
 *
 * <p>Picture a bucket that holds at most {@code burst} tokens and starts full. Tokens drip in at {@code permits} per
 * {@code period}, evenly and without steps; what does not fit is lost. A request takes as many tokens as it wants
 * permits, all at once, or is denied and takes none. Over any stretch of time t it therefore grants at most
 * {@code burst + t * permits / period}. (The leaky bucket as a meter of ITU-T I.371, seen from the other side.)
 *
 * <p>The arithmetic is exact. What is missing from a full bucket is counted in a unit so small that both a token and
 * a microsecond's drip are whole numbers of it: with permits/period reduced to the fraction a/b per microsecond, a
 * token is b units and a microsecond repays a of them. No step rounds, so nothing drifts.
 */
public final class TokenBucket extends Limit {

    /** Room to add one request's cost to what is owed without overflow. */
    private static final long MAX_UNITS = 1L << 62;

    private final long burst;
    private final long unitsPerPermit;
    private final long unitsPerMicro;
    private final long capacityUnits;
    private final long longestDripMicros;

    /**
     * A bucket of a given size.
     *
     * @param permits      tokens that drip in per period, 1 to {@link Limit#MAX_PERMITS}
     * @param periodMicros the period in microseconds, 1 to 366 days
     * @param burst        tokens the bucket holds, 1 to {@link Limit#MAX_PERMITS}
     * @throws IllegalArgumentException if a number is out of range, or the numbers together are beyond exact arithmetic
     */
    public TokenBucket(long permits, long periodMicros, long burst) {
        super(permits, periodMicros);
        if (burst < 1 || burst > MAX_PERMITS) {
            throw new IllegalArgumentException(
                    "A token bucket's burst is from 1 to " + MAX_PERMITS + " permits, not " + burst + ".");
        }
        long divisor = greatestCommonDivisor(permits, periodMicros);
        this.burst = burst;
        this.unitsPerPermit = periodMicros / divisor;
        this.unitsPerMicro = permits / divisor;
        if (burst > MAX_UNITS / unitsPerPermit) {
            throw new IllegalArgumentException("A burst of " + burst + " at " + permits + " per " + periodMicros
                    + " microseconds is too fine to be counted exactly: choose rounder or smaller numbers.");
        }
        this.capacityUnits = burst * unitsPerPermit;
        this.longestDripMicros = (Long.MAX_VALUE - MAX_UNITS) / unitsPerMicro;
    }

    /**
     * The tokens that fit in the bucket.
     *
     * @return at least 1
     */
    public long burst() {
        return burst;
    }

    @Override
    public long capacity() {
        return burst;
    }

    @Override
    String suffix() {
        return burst == permits() ? "" : " burst " + burst;
    }

    @Override
    boolean continues(LimitState stored) {
        return stored instanceof State;
    }

    @Override
    SingleState single(@Nullable LimitState stored, long nowMicros) {
        if (!(stored instanceof State state)) {
            return new State(this, nowMicros, 0);
        }
        return new State(this, Math.max(nowMicros, state.timeMicros), owed(state, nowMicros));
    }

    @Override
    SingleState read(Wire.Reader in) {
        return new State(this, in.number(), in.number());
    }

    /** What is owed at an instant, which is taken as the state's own if it lies before that. */
    private long owed(State state, long nowMicros) {
        long drip = Math.max(0, nowMicros - state.timeMicros);
        return drip > longestDripMicros ? 0 : Math.max(0, state.owedIn(this) - drip * unitsPerMicro);
    }

    /**
     * What one permit costs, in the unit that {@link #unitsPerMicro()} repays.
     *
     * @return at least 1; with {@link #unitsPerMicro()} it has no common divisor
     */
    public long unitsPerPermit() {
        return unitsPerPermit;
    }

    /**
     * What a microsecond repays.
     *
     * @return at least 1
     */
    public long unitsPerMicro() {
        return unitsPerMicro;
    }

    /**
     * The longest time that can be counted in units: more repays anything that can be owed. What is repaid in this time
     * and what may be owed at its end add up to a {@code long}.
     *
     * @return microseconds
     */
    public long longestDripMicros() {
        return longestDripMicros;
    }

    /**
     * Whether a request is granted while so much is owed.
     *
     * @param owed    units missing from a full bucket
     * @param permits 0 or more; 0 is always granted
     * @return {@code true} if the bucket holds as many tokens
     */
    public boolean admits(long owed, long permits) {
        return permits == 0 || permits <= burst && permits * unitsPerPermit <= capacityUnits - owed;
    }

    /**
     * The whole permits free while so much is owed.
     *
     * @param owed units missing from a full bucket
     * @return 0 or more
     */
    public long remaining(long owed) {
        return Math.max(0, capacityUnits - owed) / unitsPerPermit;
    }

    /**
     * How long it takes until so much is repaid.
     *
     * @param units 0 to 2^62
     * @return whole microseconds, rounded up
     */
    public long microsToRepay(long units) {
        return unitsPerMicro == 1 ? units : (units + unitsPerMicro - 1) / unitsPerMicro;
    }

    /**
     * The state in which so much is owed at an instant.
     *
     * @param timeMicros the instant, in microseconds since the epoch
     * @param owed       units missing from a full bucket, 0 to 2^62
     * @return the state
     */
    public LimitState state(long timeMicros, long owed) {
        return new State(this, timeMicros, owed);
    }

    private static long greatestCommonDivisor(long a, long b) {
        while (b != 0) {
            long rest = a % b;
            a = b;
            b = rest;
        }
        return a;
    }

    /** How much is missing from a full bucket at an instant: two longs, and the limit that names their unit. */
    static final class State extends SingleState {

        private final TokenBucket limit;
        private final long timeMicros;
        /** Units missing; above the bucket's capacity only after a limit was lowered. At most {@link #MAX_UNITS}. */
        private final long owed;

        State(TokenBucket limit, long timeMicros, long owed) {
            this.limit = limit;
            this.timeMicros = timeMicros;
            this.owed = owed;
        }

        /** What is owed in another limit's unit: permits spent stay spent, fractions rounded up. */
        private long owedIn(TokenBucket other) {
            if (limit == other || limit.unitsPerPermit == other.unitsPerPermit) {
                return owed;
            }
            BigInteger divisor = BigInteger.valueOf(limit.unitsPerPermit);
            return BigInteger.valueOf(owed).multiply(BigInteger.valueOf(other.unitsPerPermit))
                    .add(divisor.subtract(BigInteger.ONE)).divide(divisor)
                    .min(BigInteger.valueOf(MAX_UNITS)).longValueExact();
        }

        @Override
        public boolean admits(long permits) {
            return limit.admits(owed, permits);
        }

        @Override
        public SingleState charge(long permits) {
            return new State(limit, timeMicros, owed + permits * limit.unitsPerPermit);
        }

        @Override
        public SingleState refund(long permits) {
            long units = permits > MAX_UNITS / limit.unitsPerPermit ? MAX_UNITS : permits * limit.unitsPerPermit;
            return new State(limit, timeMicros, Math.max(0, owed - units));
        }

        @Override
        public long remaining() {
            return limit.remaining(owed);
        }

        @Override
        public long retryAfter(long permits, long nowMicros) {
            if (permits > limit.burst) {
                return Decision.NEVER;
            }
            return limit.microsToRepay(owed - limit.capacityUnits + permits * limit.unitsPerPermit) + timeMicros - nowMicros;
        }

        @Override
        public long resetAfter(long nowMicros) {
            return owed == 0 ? 0 : Math.max(0, limit.microsToRepay(owed) + timeMicros - nowMicros);
        }

        @Override
        SingleState joinSame(SingleState other) {
            State same = (State) other;
            long later = Math.max(timeMicros, same.timeMicros);
            return new State(limit, later, Math.max(limit.owed(this, later), limit.owed(same, later)));
        }

        @Override
        void write(Wire.Writer out) {
            out.number(timeMicros);
            out.number(owed);
        }

        @Override
        Limit limit() {
            return limit;
        }
    }
}
