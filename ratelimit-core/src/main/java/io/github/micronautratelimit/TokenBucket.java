package io.github.micronautratelimit;

import java.math.BigInteger;
import java.util.List;

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
    /** A drip of more microseconds than this repays anything that can be owed; fewer can be multiplied out. */
    private final long longestDrip;

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
        this.longestDrip = (Long.MAX_VALUE - MAX_UNITS) / unitsPerMicro;
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
    public LimitState stateAt(@Nullable LimitState stored, long nowMicros) {
        if (!(stored instanceof State state)) {
            return new State(this, nowMicros, 0);
        }
        long drip = Math.max(0, nowMicros - state.timeMicros);
        long owed = state.owedIn(this);
        return new State(this, state.timeMicros + drip,
                drip > longestDrip ? 0 : Math.max(0, owed - drip * unitsPerMicro));
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
    static final class State extends LimitState {

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
            return permits == 0
                    || permits <= limit.burst && permits * limit.unitsPerPermit <= limit.capacityUnits - owed;
        }

        @Override
        public LimitState charge(long permits) {
            return new State(limit, timeMicros, owed + permits * limit.unitsPerPermit);
        }

        @Override
        public LimitState refund(long permits) {
            long units = permits > MAX_UNITS / limit.unitsPerPermit ? MAX_UNITS : permits * limit.unitsPerPermit;
            return new State(limit, timeMicros, Math.max(0, owed - units));
        }

        @Override
        public long remaining() {
            return Math.max(0, limit.capacityUnits - owed) / limit.unitsPerPermit;
        }

        @Override
        public long retryAfter(long permits, long nowMicros) {
            if (permits > limit.burst) {
                return Decision.NEVER;
            }
            return micros(owed - limit.capacityUnits + permits * limit.unitsPerPermit) + timeMicros - nowMicros;
        }

        @Override
        public long resetAfter(long nowMicros) {
            return owed == 0 ? 0 : Math.max(0, micros(owed) + timeMicros - nowMicros);
        }

        /** The microseconds after which so many units have dripped in. */
        private long micros(long units) {
            return (units + limit.unitsPerMicro - 1) / limit.unitsPerMicro;
        }

        @Override
        List<Limit> deniedBy(long permits) {
            return admits(permits) ? List.of() : limit.alone();
        }

        @Override
        Limit limit() {
            return limit;
        }

        @Override
        List<LimitState> parts() {
            return List.of(this);
        }
    }
}
