package io.github.micronautratelimit.dynamodb;

import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.allOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.anyOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.missing;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.orDefault;

import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import java.math.BigInteger;
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
 * @param full  the instant at which the bucket will be full, in units
 */
record TokenBucketAttributes(TokenBucket limit, long time, BigInteger full) implements LimitAttributes {

    private static final String FULL = "f";
    private static final String TIME = "t";
    private static final String MARK = "m";

    private static final int MARK_NAMES = 32;
    /** The limits of an item share this number. */
    private static final int MAX_MARKS = 16;

    private static final long MIN_INTERVAL_MICROS = 1_000;
    private static final BigInteger MAX_OWED = BigInteger.ONE.shiftLeft(62);

    /**
     * Accepts requests that were overtaken on their way: a caller may have an instant that is this much before the last
     * change. It is decided a little more strictly, and {@value #TIME} is set back by as much, which affects only
     * callers whose clocks lag.
     */
    private static final long IN_FLIGHT_MICROS = 1_000_000;

    static TokenBucketAttributes blank(TokenBucket limit) {
        return new TokenBucketAttributes(limit, 0, BigInteger.ZERO);
    }

    static TokenBucketAttributes read(TokenBucket limit, int index, Map<String, AttributeValue> item) {
        return item.containsKey(FULL + index)
                ? new TokenBucketAttributes(
                        limit, LimitAttributes.number(item, TIME + index), LimitAttributes.large(item, FULL + index))
                : blank(limit);
    }

    @Override
    public LimitState state() {
        return limit.state(time, owed().min(MAX_OWED).longValueExact());
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
    public @Nullable LimitAttributes under(Limit other) {
        if (!(other instanceof TokenBucket bucket)) {
            return null;
        }
        BigInteger divisor = BigInteger.valueOf(limit.unitsPerPermit());
        BigInteger owed = owed().multiply(BigInteger.valueOf(bucket.unitsPerPermit()))
                .add(divisor.subtract(BigInteger.ONE))
                .divide(divisor)
                .min(MAX_OWED);
        return new TokenBucketAttributes(bucket, time, blank(bucket).units(time).add(owed));
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
    public LimitAttributes charged(long permits, long instant, long version) {
        long at = instant(instant);
        return new TokenBucketAttributes(limit, at, full.max(units(at)).add(cost(permits)));
    }

    @Override
    public LimitAttributes refunded(long permits, long instant) {
        long at = instant(instant);
        return new TokenBucketAttributes(limit, at, full.subtract(cost(permits)).max(units(at)));
    }

    @Override
    public void write(Map<String, AttributeValue> item, int index, long version) {
        item.put(TIME + index, LimitAttributes.value(time));
        item.put(FULL + index, AttributeValue.fromN(full.toString()));
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
            update.require(isBusy(update, attribute, present, change.permits()));
        } else if (change.certain() || interval(micros(full)) == interval(instant)) {
            from = now;
            update.require(isIdle);
        } else {
            String mark = mark(index, interval(instant));
            from = orDefault(mark, now);
            update.require(anyOf(
                    allOf(mark + " = " + attribute, isBusy(update, attribute, present, change.permits())),
                    allOf(missing(mark), isIdle)));
        }
        String after = from + " + " + update.number(cost(change.permits()));
        update.set(attribute, after);
        setTime(update, index, instant);
        setMarks(
                update,
                index,
                instant,
                change.limits(),
                after,
                full.max(present).add(cost(change.permits())));
    }

    /** Returns the condition that the bucket is not full and has as many tokens. */
    private String isBusy(Update update, String attribute, BigInteger present, long permits) {
        BigInteger latest = present.add(cost(limit.burst() - permits));
        return allOf(attribute + " > " + update.number(present), attribute + " <= " + update.number(latest));
    }

    private static void setTime(Update update, int index, long instant) {
        String attribute = TIME + index;
        update.set(attribute, update.number(instant));
        update.require(anyOf(missing(attribute), attribute + " <= " + update.number(instant + IN_FLIGHT_MICROS)));
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
        long instant = instant(change.now());
        BigInteger cost = cost(change.permits());
        BigInteger least = units(instant).add(cost);
        if (full.compareTo(least) < 0) {
            return false;
        }
        String attribute = FULL + index;
        String after = attribute + " - " + update.number(cost);
        update.require(attribute + " >= " + update.number(least));
        update.set(attribute, after);
        setTime(update, index, instant);
        setMarks(update, index, instant, change.limits(), after, full.subtract(cost));
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
