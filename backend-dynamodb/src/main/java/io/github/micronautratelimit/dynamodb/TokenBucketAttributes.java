package io.github.micronautratelimit.dynamodb;

import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.allOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.anyOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.exists;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.missing;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.orDefault;

import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * A token bucket, stored as the instant at which it will be full again, {@value #FULL}, and the instant of the last
 * change, {@value #TIME}. The first is the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371).
 * It is counted in units so small that nothing is rounded: a microsecond has {@code unitsPerMicro} of them, a token
 * {@code unitsPerPermit}.
 *
 * <p>A charge adds its cost to {@value #FULL}, or to the present if that instant has passed. An update cannot compute
 * the later of two instants, so the caller has to know which one it is. A caller that has seen {@value #FULL} in the
 * future knows. All others learn it from marks: time is divided into intervals of one token each, and a charge copies
 * {@value #FULL} to an attribute {@value #MARK} for each interval until then. A condition can check whether the mark of
 * the present interval exists and equals {@value #FULL}. A missing or outdated mark costs a second request, nothing
 * else.
 *
 * @param limit the limit
 * @param time  the instant of the last change, in microseconds
 * <p><em>Refunds.</em> From its first refund until it is full, a bucket keeps {@value #BUSY_SINCE} and maybe
 * {@value #GENEROUS_AT}; {@link TokenBucket} defines them. The effect of a change on them depends on the debt, for
 * example on whether it is half of the burst. The update requires that the stored item is on the same side as the seen
 * one, so the changes of a bucket that stays there do not conflict. Only the order of the instants matters more: an
 * update that was overtaken is repeated.
 *
 * @param limit      the limit
 * @param time       the instant of the last change, in microseconds
 * @param full       the instant at which the bucket will be full, in units
 * @param busySince  the instant since which every change has found the bucket half empty or emptier, in microseconds;
 *                   {@link #UNKNOWN} without a refund
 * @param generousAt the instant of the last refund that gave back more than was unpaid for certain, in microseconds;
 *                   {@link #UNKNOWN} without one
 */
record TokenBucketAttributes(TokenBucket limit, long time, BigInteger full, long busySince, long generousAt)
        implements LimitAttributes {

    private static final String FULL = "f";
    private static final String TIME = "t";
    private static final String MARK = "m";
    private static final String BUSY_SINCE = "s";
    private static final String GENEROUS_AT = "c";

    private static final long UNKNOWN = 0;

    private static final int MARK_NAMES = 32;
    /** The limits of an item share this number. */
    private static final int MAX_MARKS = 16;

    private static final long MIN_INTERVAL_MICROS = 1_000;
    private static final BigInteger MAX_OWED = BigInteger.ONE.shiftLeft(62);

    /**
     * Accepts charges that were overtaken on their way: a caller may have an instant that is this much before the last
     * change. It is decided a little more strictly, and {@value #TIME} is set back by as much, which affects only
     * callers whose clocks lag.
     */
    private static final long IN_FLIGHT_MICROS = 1_000_000;

    static TokenBucketAttributes blank(TokenBucket limit) {
        return new TokenBucketAttributes(limit, 0, BigInteger.ZERO, UNKNOWN, UNKNOWN);
    }

    static TokenBucketAttributes read(TokenBucket limit, int index, Map<String, AttributeValue> item) {
        return item.containsKey(FULL + index)
                ? new TokenBucketAttributes(
                        limit,
                        LimitAttributes.number(item, TIME + index),
                        LimitAttributes.large(item, FULL + index),
                        instant(item, BUSY_SINCE + index),
                        instant(item, GENEROUS_AT + index))
                : blank(limit);
    }

    private static long instant(Map<String, AttributeValue> item, String attribute) {
        return item.containsKey(attribute) ? LimitAttributes.number(item, attribute) : UNKNOWN;
    }

    @Override
    public LimitState state() {
        long debt = owed().min(MAX_OWED).longValueExact();
        return limit.state(time, debt, busySince, generousAt);
    }

    /** Returns the units that were missing from a full bucket after the last change. */
    private BigInteger owed() {
        return full.subtract(units(time)).max(BigInteger.ZERO);
    }

    private BigInteger units(long micros) {
        return BigInteger.valueOf(micros).multiply(BigInteger.valueOf(limit.unitsPerMicro()));
    }

    private BigInteger cost(long permits) {
        return BigInteger.valueOf(permits).multiply(BigInteger.valueOf(limit.unitsPerPermit()));
    }

    @Override
    public boolean remembers() {
        return busySince != UNKNOWN;
    }

    /** Returns half of the burst in units; fewer by half a token if the burst is odd. */
    private BigInteger half() {
        return cost(limit.burst() / 2);
    }

    /** Half of another burst is another debt, and another rate repays charges in another time. */
    @Override
    public @Nullable LimitAttributes under(Limit other, long now) {
        if (!(other instanceof TokenBucket bucket)) {
            return null;
        }
        if (bucket.equals(limit)) {
            return this;
        }
        BigInteger divisor = BigInteger.valueOf(limit.unitsPerPermit());
        BigInteger owed = owed().multiply(BigInteger.valueOf(bucket.unitsPerPermit()))
                .add(divisor.subtract(BigInteger.ONE))
                .divide(divisor)
                .min(MAX_OWED);
        long at = instant(now);
        var changed = new TokenBucketAttributes(
                bucket, time, blank(bucket).units(time).add(owed), UNKNOWN, UNKNOWN);
        boolean forgets = !remembers() || changed.debtAt(at).signum() == 0 && !isUnpaidAt(at, generousAt);
        return forgets ? changed : new TokenBucketAttributes(bucket, time, changed.full, at, at);
    }

    private BigInteger debtAt(long instant) {
        return full.subtract(units(instant)).max(BigInteger.ZERO);
    }

    /** Returns whether a charge before a generous refund may not be repaid yet. */
    private boolean isUnpaidAt(long instant, long generous) {
        return generous != UNKNOWN && instant < generous + limit.longestResetMicros();
    }

    /** Returns these attributes at an instant without what a full bucket forgets. */
    private TokenBucketAttributes at(long instant) {
        boolean forgets = debtAt(instant).signum() == 0 && !isUnpaidAt(instant, generousAt);
        return new TokenBucketAttributes(
                limit,
                instant,
                full.max(units(instant)),
                forgets ? UNKNOWN : busySince,
                forgets ? UNKNOWN : generousAt);
    }

    /** Returns these attributes with another debt, after a change that has found the present one. */
    private TokenBucketAttributes withDebt(BigInteger debt) {
        boolean quiet = remembers() && debtAt(time).compareTo(half()) < 0;
        return new TokenBucketAttributes(limit, time, units(time).add(debt), quiet ? time : busySince, generousAt);
    }

    @Override
    public long lifeMicros() {
        return limit.microsToRepay(limit.burst() * limit.unitsPerPermit());
    }

    @Override
    public long instant(long now) {
        return Math.max(now, time);
    }

    @Override
    public TokenBucketAttributes charged(long permits, long instant, long version) {
        TokenBucketAttributes found = at(instant(instant));
        return found.withDebt(found.debtAt(found.time).add(cost(permits)));
    }

    @Override
    public long room(long maxDebt, long instant) {
        BigInteger free = most(maxDebt).subtract(debtAt(instant(instant)));
        return free.signum() <= 0
                ? 0
                : free.divide(BigInteger.valueOf(limit.unitsPerPermit())).longValueExact();
    }

    /** Returns the units that may be missing at most: whole tokens. */
    private BigInteger most(long maxDebt) {
        BigInteger countable = MAX_OWED.subtract(MAX_OWED.mod(BigInteger.valueOf(limit.unitsPerPermit())));
        return countable.min(cost(limit.mostMissing(maxDebt)));
    }

    @Override
    public TokenBucketAttributes refunded(long permits, long chargedAt, long instant) {
        TokenBucketAttributes found = at(instant(instant));
        BigInteger debt = found.debtAt(found.time);
        BigInteger least = found.unpaid(permits, chargedAt);
        BigInteger back = found.most(permits, chargedAt).min(debt);
        TokenBucketAttributes rest = found.withDebt(debt.subtract(back));
        if (chargedAt != LimitState.LATEST) {
            boolean isGenerous = back.compareTo(least) > 0;
            rest = new TokenBucketAttributes(
                    limit,
                    rest.time,
                    rest.full,
                    found.remembers() ? rest.busySince : rest.time,
                    isGenerous ? rest.time : rest.generousAt);
        }
        return rest.at(rest.time);
    }

    /** Returns the units of a charge that are not repaid for certain. */
    private BigInteger unpaid(long permits, long chargedAt) {
        BigInteger units = cost(permits).min(MAX_OWED);
        if (chargedAt == LimitState.LATEST) {
            return units;
        }
        return generousAt == UNKNOWN || chargedAt > generousAt
                ? units.subtract(units(Math.max(0, time - chargedAt))).max(BigInteger.ZERO)
                : BigInteger.ZERO;
    }

    /** Returns the units that a refund gives back if there is so large a debt; see {@link TokenBucket}. */
    private BigInteger most(long permits, long chargedAt) {
        BigInteger unpaid = unpaid(permits, chargedAt);
        return remembers() && chargedAt > busySince ? unpaid.max(cost(permits).min(half())) : unpaid;
    }

    @Override
    public void write(Map<String, AttributeValue> item, int index, long version) {
        item.put(TIME + index, LimitAttributes.value(time));
        item.put(FULL + index, AttributeValue.fromN(full.toString()));
        if (remembers()) {
            item.put(BUSY_SINCE + index, LimitAttributes.value(busySince));
        }
        if (generousAt != UNKNOWN) {
            item.put(GENEROUS_AT + index, LimitAttributes.value(generousAt));
        }
    }

    @Override
    public void charge(Update update, int index, Change change) {
        long instant = instant(change.now());
        BigInteger present = units(instant);
        String attribute = FULL + index;
        String now = update.number(present);
        String isIdle = anyOf(missing(attribute), attribute + " <= " + now);
        String from;
        if (full.compareTo(present) > 0) {
            from = attribute;
            update.require(isBusy(update, attribute, present, change));
        } else if (change.certain() || change.remembers() || interval(micros(full)) == interval(instant)) {
            from = now;
            update.require(isIdle);
        } else {
            String mark = mark(index, interval(instant));
            from = orDefault(mark, now);
            update.require(anyOf(
                    allOf(mark + " = " + attribute, isBusy(update, attribute, present, change)),
                    allOf(missing(mark), isIdle)));
        }
        String after = from + " + " + update.number(cost(change.permits()));
        update.set(attribute, after);
        if (change.remembers()) {
            setTime(update, index, instant, 0);
            remember(update, index, LimitState.LATEST, charged(change.permits(), instant, change.version()));
        } else {
            setTime(update, index, instant, IN_FLIGHT_MICROS);
        }
        setMarks(
                update,
                index,
                instant,
                change.limits(),
                after,
                full.max(present).add(cost(change.permits())));
    }

    /**
     * Adds what a change does to the memory of the bucket, and requires that it is the same for the stored item.
     *
     * @param chargedAt of a refund; {@link LimitState#LATEST} for a charge
     * @param after     the attributes after the change
     */
    private void remember(Update update, int index, long chargedAt, TokenBucketAttributes after) {
        String busy = BUSY_SINCE + index;
        String generous = GENEROUS_AT + index;
        if (!remembers()) {
            update.require(missing(busy));
            set(update, busy, UNKNOWN, after.busySince);
            return;
        }
        BigInteger present = units(after.time);
        requireSameSide(
                update, FULL + index, full, List.of(present, present.add(half()).subtract(BigInteger.ONE)));
        List<BigInteger> instants = new ArrayList<>();
        if (chargedAt != LimitState.LATEST) {
            instants.add(BigInteger.valueOf(chargedAt - 1));
            requireSameSide(update, busy, BigInteger.valueOf(busySince), instants);
        } else {
            update.require(exists(busy));
        }
        if (generousAt == UNKNOWN) {
            update.require(missing(generous));
        } else {
            instants.add(BigInteger.valueOf(after.time - limit.longestResetMicros()));
            requireSameSide(update, generous, BigInteger.valueOf(generousAt), instants);
        }
        set(update, busy, busySince, after.busySince);
        set(update, generous, generousAt, after.generousAt);
    }

    private static void set(Update update, String attribute, long before, long after) {
        if (after == UNKNOWN && before != UNKNOWN) {
            update.remove(attribute);
        } else if (after != before) {
            update.set(attribute, update.number(after));
        }
    }

    /** Requires that a stored number exceeds the same thresholds as the number that was seen. */
    private static void requireSameSide(Update update, String attribute, BigInteger seen, List<BigInteger> thresholds) {
        thresholds.stream()
                .filter(threshold -> seen.compareTo(threshold) > 0)
                .max(Comparator.naturalOrder())
                .ifPresent(below -> update.require(attribute + " > " + update.number(below)));
        thresholds.stream()
                .filter(threshold -> seen.compareTo(threshold) <= 0)
                .min(Comparator.naturalOrder())
                .ifPresent(above -> update.require(attribute + " <= " + update.number(above)));
    }

    /** Returns the condition that the bucket is not full and has as many tokens. */
    private String isBusy(Update update, String attribute, BigInteger present, Change change) {
        String isNotFull = attribute + " > " + update.number(present);
        if (change.permits() == 0) {
            return isNotFull;
        }
        BigInteger latest = present.add(most(change.maxDebt())).subtract(cost(change.permits()));
        return allOf(isNotFull, attribute + " <= " + update.number(latest));
    }

    private static void setTime(Update update, int index, long instant, long inFlightMicros) {
        String attribute = TIME + index;
        update.set(attribute, update.number(instant));
        update.require(anyOf(missing(attribute), attribute + " <= " + update.number(instant + inFlightMicros)));
    }

    /**
     * Marks the intervals until the bucket is full, and removes all other marks.
     *
     * @param after the expression for the new value of {@value #FULL}
     * @param end   the same, computed from what this process has seen
     */
    private void setMarks(Update update, int index, long instant, int limits, String after, BigInteger end) {
        long first = interval(instant);
        long last = Math.min(interval(micros(end) - intervalMicros() / 2), first + Math.max(1, MAX_MARKS / limits));
        for (long interval = first; interval < first + MARK_NAMES; interval++) {
            if (interval <= last) {
                update.set(mark(index, interval), after);
            } else {
                update.remove(mark(index, interval));
            }
        }
    }

    @Override
    public boolean refund(Update update, int index, Change change) {
        if (full.signum() == 0) {
            // The attribute is missing before the first charge.
            return false;
        }
        boolean inverse = change.isOfLatest() && !change.remembers();
        TokenBucketAttributes found = at(instant(change.now()));
        TokenBucketAttributes after = refunded(change.permits(), change.chargedAt(), found.time);
        BigInteger present = units(found.time);
        BigInteger least = present.add(found.unpaid(change.permits(), change.chargedAt()));
        BigInteger most = present.add(found.most(change.permits(), change.chargedAt()));
        String attribute = FULL + index;
        requireSameSide(update, attribute, full, List.of(least, most));
        setTime(update, index, found.time, inverse ? IN_FLIGHT_MICROS : 0);
        if (!inverse) {
            remember(update, index, change.chargedAt(), after);
        }
        boolean isFull = after.full.compareTo(present) <= 0;
        String rest = isFull ? update.number(present) : attribute + " - " + update.number(most.subtract(present));
        update.set(attribute, rest);
        setMarks(update, index, found.time, change.limits(), rest, after.full);
        return true;
    }

    private static String mark(int index, long interval) {
        return MARK + index + "x" + Math.floorMod(interval, MARK_NAMES);
    }

    private long interval(long micros) {
        return Math.floorDiv(micros, intervalMicros());
    }

    private long intervalMicros() {
        return Math.max(MIN_INTERVAL_MICROS, limit.microsToRepay(limit.unitsPerPermit()));
    }

    private long micros(BigInteger units) {
        return units.divide(BigInteger.valueOf(limit.unitsPerMicro())).longValue();
    }
}
