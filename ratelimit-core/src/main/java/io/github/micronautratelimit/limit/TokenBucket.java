package io.github.micronautratelimit.limit;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * A steady rate with bursts: {@code 100/min}, {@code 5/s burst 20}.
 *
 * <p>Picture a bucket that holds at most {@code burst} tokens and starts full. Tokens drip in evenly at {@code permits}
 * per {@code period}; tokens that do not fit are lost. A request takes one token per permit, all of them together, or
 * it is denied and takes none. In any time t the bucket therefore grants at most {@code burst + t * permits / period}
 * permits. (This is the leaky bucket as a meter of ITU-T I.371, seen from the other side.)
 *
 * <p>The arithmetic is exact. The bucket counts its debt, the tokens that are missing, in units of which both a token
 * and the drip of a microsecond are whole numbers. With permits/period reduced to the fraction a/b per microsecond, a
 * token is b units, and a microsecond repays a units. No step rounds, so no error accumulates.
 *
 * <p><em>Refunds.</em> A charge of n permits still takes as many permits as the smallest debt that the bucket has had
 * since, before any charge or refund, and at most n. A state cannot know that for every charge. It knows two lower
 * bounds, and a refund gives back the larger one:
 * <ul>
 *   <li>n permits minus the drip since the charge. This holds as long as no other charge has been given back more than
 *       that.</li>
 *   <li>n permits, but at most half of the burst, if every charge and refund since has found a debt of at least half of
 *       the burst, as on a key in steady demand.</li>
 * </ul>
 * From its first refund until it is full, a bucket remembers both: since when the debt has been so large, and when a
 * refund has given back more than the first bound. It remembers the latter until all charges before it have been
 * repaid.
 */
public final class TokenBucket extends Limit {

    /** Bounds the debt of a key and the cost of a request, so that their sums do not overflow. */
    private static final long MAX_UNITS = 1L << 62;

    /** The instant of an event that has not happened since the bucket was full. */
    private static final long UNKNOWN = 0;

    private final long burst;
    private final long unitsPerPermit;
    private final long unitsPerMicro;
    private final long capacityUnits;
    private final long halfUnits;
    private final long longestDripMicros;

    /**
     * Creates a limit; see {@link Limit#tokenBucket(long, java.time.Duration, long)}.
     *
     * @param permits      tokens that drip in per period, 1 to {@link Limit#MAX_PERMITS}
     * @param periodMicros the period in microseconds, 1 to 366 days
     * @param burst        tokens that the bucket holds, 1 to {@link Limit#MAX_PERMITS}
     * @throws IllegalArgumentException if a number is out of range, or the numbers together exceed exact arithmetic
     */
    public TokenBucket(long permits, long periodMicros, long burst) {
        super(permits, periodMicros);
        if (burst < 1 || burst > MAX_PERMITS) {
            throw new IllegalArgumentException(
                    "A burst of " + burst + " permits is out of range; it must be 1 to " + MAX_PERMITS + ".");
        }
        long divisor = greatestCommonDivisor(permits, periodMicros);
        this.burst = burst;
        this.unitsPerPermit = periodMicros / divisor;
        this.unitsPerMicro = permits / divisor;
        if (burst > MAX_UNITS / unitsPerPermit) {
            throw new IllegalArgumentException("A burst of " + burst + " at " + permits + " per " + periodMicros
                    + " microseconds cannot be counted exactly; use rounder or smaller numbers.");
        }
        this.capacityUnits = burst * unitsPerPermit;
        this.halfUnits = burst / 2 * unitsPerPermit;
        this.longestDripMicros = (Long.MAX_VALUE - MAX_UNITS) / unitsPerMicro;
    }

    /**
     * Returns the tokens that fit into the bucket.
     *
     * @return at least 1
     */
    public long burst() {
        return burst;
    }

    /**
     * Returns a bucket of the same rate that holds another number of tokens, at most as many as can be counted exactly.
     *
     * @param other the tokens, at least 1
     * @return a bucket whose state continues that of this one
     */
    public TokenBucket withBurst(long other) {
        return new TokenBucket(
                permits(), periodMicros(), Math.min(other, Math.min(MAX_PERMITS, MAX_UNITS / unitsPerPermit)));
    }

    @Override
    public long capacity() {
        return burst;
    }

    @Override
    public long longestResetMicros() {
        return microsToRepay(capacityUnits);
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
    SingleLimitState single(@Nullable LimitState stored, long nowMicros) {
        if (!(stored instanceof State state)) {
            return new State(this, nowMicros, 0, UNKNOWN, UNKNOWN);
        }
        long time = Math.max(nowMicros, state.timeMicros);
        long debt = debtAt(state, nowMicros);
        // A store removes a full bucket, and with it what the bucket remembers.
        if (!state.isRefunded() || debt == 0 && !state.remembersAt(time)) {
            return new State(this, time, debt, UNKNOWN, UNKNOWN);
        }
        // Half of another burst is another debt, and another rate repays charges in another time.
        return state.limit.equals(this)
                ? new State(this, time, debt, state.busySince, state.generousAt)
                : new State(this, time, debt, time, time);
    }

    @Override
    SingleLimitState read(StateCodec.Reader in) {
        return new State(this, in.number(), in.number(), UNKNOWN, UNKNOWN);
    }

    /** Reads a state that has had refunds. */
    SingleLimitState readRefunded(StateCodec.Reader in) {
        return new State(this, in.number(), in.number(), in.number(), in.number());
    }

    /** Returns the debt at an instant; an earlier instant counts as that of the state. */
    private long debtAt(State state, long nowMicros) {
        long drip = Math.max(0, nowMicros - state.timeMicros);
        return drip > longestDripMicros ? 0 : Math.max(0, state.debtIn(this) - drip * unitsPerMicro);
    }

    /**
     * Returns the units of one permit.
     *
     * @return at least 1; without a common divisor with {@link #unitsPerMicro()}
     */
    public long unitsPerPermit() {
        return unitsPerPermit;
    }

    /**
     * Returns the units that one microsecond repays.
     *
     * @return at least 1
     */
    public long unitsPerMicro() {
        return unitsPerMicro;
    }

    /**
     * Returns the longest time that can be counted in units. A longer time repays any debt. The units repaid in this
     * time and the largest debt together fit into a {@code long}.
     *
     * @return microseconds
     */
    public long longestDripMicros() {
        return longestDripMicros;
    }

    /**
     * Returns whether a bucket with a debt grants a request.
     *
     * @param debt    units missing from a full bucket
     * @param permits 0 or more; 0 is always granted
     * @return {@code true} if the bucket holds enough tokens
     */
    public boolean admits(long debt, long permits) {
        return permits == 0 || permits <= burst && permits * unitsPerPermit <= capacityUnits - debt;
    }

    /**
     * Returns the whole permits that are free in a bucket with a debt.
     *
     * @param debt units missing from a full bucket
     * @return 0 or more
     */
    public long remaining(long debt) {
        return Math.max(0, capacityUnits - debt) / unitsPerPermit;
    }

    /**
     * Returns how long it takes to repay a debt.
     *
     * @param units 0 to 2^62
     * @return whole microseconds, rounded up
     */
    public long microsToRepay(long units) {
        return unitsPerMicro == 1 ? units : (units + unitsPerMicro - 1) / unitsPerMicro;
    }

    /**
     * Returns how long it takes until one more whole permit is free.
     *
     * @param debt      units missing from a full bucket, more than 0 and at most its capacity
     * @param remaining its {@link #remaining}, which every caller has computed, so that no division is needed
     * @return whole microseconds, rounded up
     */
    public long microsToNextPermit(long debt, long remaining) {
        return microsToRepay(debt - capacityUnits + (remaining + 1) * unitsPerPermit);
    }

    /**
     * Returns the state of a bucket with a debt.
     *
     * @param timeMicros the instant, in microseconds since the epoch
     * @param debt       units missing from a full bucket, 0 to 2^62
     * @return the state
     */
    public LimitState state(long timeMicros, long debt) {
        return new State(this, timeMicros, debt, UNKNOWN, UNKNOWN);
    }

    /**
     * Returns the state of a bucket that has had a refund since it was full, for stores that keep its numbers.
     *
     * @param timeMicros the instant, in microseconds since the epoch
     * @param debt       units missing from a full bucket, 0 to 2^62
     * @param busySince  every charge and refund after this instant has found a debt of at least half of the burst; 0
     *                   before the first refund
     * @param generousAt the last instant at which a refund gave back more than its charge minus the drip since; 0
     *                   if none did
     * @return the state
     */
    public LimitState state(long timeMicros, long debt, long busySince, long generousAt) {
        return new State(this, timeMicros, debt, busySince, generousAt);
    }

    private static long greatestCommonDivisor(long a, long b) {
        while (b != 0) {
            long rest = a % b;
            a = b;
            b = rest;
        }
        return a;
    }

    /** The debt of a bucket at an instant, in the units of its limit. */
    static final class State extends SingleLimitState {

        private final TokenBucket limit;
        private final long timeMicros;
        /** At most {@link #MAX_UNITS}; exceeds the capacity only after a limit was lowered, or by a settlement. */
        private final long debt;
        /**
         * Every charge and refund after this instant has found a debt of at least half of the burst; {@link #UNKNOWN}
         * before the first refund.
         */
        private final long busySince;
        /**
         * The last instant at which a refund gave back more than its charge minus the drip since;
         * {@link #UNKNOWN} if none did.
         */
        private final long generousAt;

        State(TokenBucket limit, long timeMicros, long debt, long busySince, long generousAt) {
            this.limit = limit;
            this.timeMicros = timeMicros;
            this.debt = debt;
            this.busySince = busySince;
            this.generousAt = generousAt;
        }

        long debtUnits() {
            return debt;
        }

        boolean isRefunded() {
            return busySince != UNKNOWN;
        }

        /** Returns whether a charge before the last generous refund may not be repaid yet. */
        private boolean remembersAt(long time) {
            return generousAt != UNKNOWN && time < generousAt + limit.longestResetMicros();
        }

        /** Returns this state with another debt, after an operation that has found the present one. */
        private State withDebt(long other) {
            boolean quiet = isRefunded() && debt < limit.halfUnits;
            return new State(limit, timeMicros, other, quiet ? timeMicros : busySince, generousAt);
        }

        /** Returns the debt in the units of another limit. Spent permits stay spent; fractions are rounded up. */
        private long debtIn(TokenBucket other) {
            if (limit == other || limit.unitsPerPermit == other.unitsPerPermit) {
                return debt;
            }
            BigInteger divisor = BigInteger.valueOf(limit.unitsPerPermit);
            return BigInteger.valueOf(debt)
                    .multiply(BigInteger.valueOf(other.unitsPerPermit))
                    .add(divisor.subtract(BigInteger.ONE))
                    .divide(divisor)
                    .min(BigInteger.valueOf(MAX_UNITS))
                    .longValueExact();
        }

        @Override
        public boolean admits(long permits) {
            return limit.admits(debt, permits);
        }

        @Override
        public SingleLimitState charge(long permits) {
            return withDebt(debt + permits * limit.unitsPerPermit);
        }

        @Override
        public SingleLimitState chargeBeyond(long permits, long maxDebt) {
            long most = Math.min(MAX_UNITS / limit.unitsPerPermit, limit.mostMissing(maxDebt));
            long room = (most * limit.unitsPerPermit - debt) / limit.unitsPerPermit;
            return charge(Math.min(permits, Math.max(0, room)));
        }

        @Override
        public SingleLimitState refund(long permits, long chargedAtMicros) {
            long units = permits > MAX_UNITS / limit.unitsPerPermit ? MAX_UNITS : permits * limit.unitsPerPermit;
            if (chargedAtMicros == LATEST) {
                return withDebt(Math.max(0, debt - units));
            }
            long passed = Math.max(0, timeMicros - chargedAtMicros);
            long unpaid = passed > limit.longestDripMicros ? 0 : Math.max(0, units - passed * limit.unitsPerMicro);
            boolean certain = generousAt == UNKNOWN || chargedAtMicros > generousAt;
            boolean busy = isRefunded() && chargedAtMicros > busySince;
            long back = Math.min(debt, Math.max(certain ? unpaid : 0, busy ? Math.min(units, limit.halfUnits) : 0));
            boolean generous = back > (certain ? unpaid : 0);
            return new State(
                    limit,
                    timeMicros,
                    debt - back,
                    isRefunded() && debt >= limit.halfUnits ? busySince : timeMicros,
                    generous ? timeMicros : generousAt);
        }

        @Override
        public long remaining() {
            return limit.remaining(debt);
        }

        @Override
        public long retryAfter(long permits, long nowMicros) {
            if (permits > limit.burst) {
                return NEVER;
            }
            long need = limit.microsToRepay(debt - limit.capacityUnits + permits * limit.unitsPerPermit);
            return Math.min(need + timeMicros - nowMicros, longestWait());
        }

        @Override
        long spent() {
            return debt / limit.unitsPerPermit + (debt % limit.unitsPerPermit == 0 ? 0 : 1);
        }

        @Override
        long freeAfter(long nowMicros) {
            return debt == 0 ? 0 : Math.max(0, limit.microsToRepay(debt) + timeMicros - nowMicros);
        }

        @Override
        public long expiresAfter(long nowMicros) {
            long free = freeAfter(nowMicros);
            return generousAt == UNKNOWN ? free : Math.max(free, generousAt + limit.longestResetMicros() - nowMicros);
        }

        /** A debt that was made under a larger limit may exceed the capacity. */
        @Override
        long longestWait() {
            return limit.microsToRepay(Math.max(debt, limit.capacityUnits));
        }

        @Override
        SingleLimitState joinSame(SingleLimitState other) {
            State same = (State) other;
            long later = Math.max(timeMicros, same.timeMicros);
            long larger = Math.max(limit.debtAt(this, later), limit.debtAt(same, later));
            long known = isRefunded() || same.isRefunded() ? later : UNKNOWN;
            return new State(limit, later, larger, known, known);
        }

        @Override
        long spentBeyondSame(SingleLimitState other) {
            return -Math.floorDiv(((State) other).debt - debt, limit.unitsPerPermit);
        }

        @Override
        void write(StateCodec.Writer out) {
            out.number(timeMicros);
            out.number(debt);
            if (isRefunded()) {
                out.number(busySince);
                out.number(generousAt);
            }
        }

        @Override
        Limit limit() {
            return limit;
        }
    }
}
