package io.github.micronautratelimit.dynamodb;

import java.math.BigInteger;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.TokenBucket;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * A token bucket as the instant at which it is full again, {@code f}, and the instant of the last charge, {@code t}. That
 * is the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371), in units so small that nothing rounds:
 * a microsecond is {@code unitsPerMicro} of them, a token {@code unitsPerPermit}.
 *
 * <p>A charge adds its cost to {@code f}, or to the present if {@code f} has passed. An update cannot take the later of two
 * numbers, so a caller has to know which of the two it is. Somebody who has seen {@code f} in the future knows it. All
 * others are told by the marks: time is cut into slots of a token's time, and a charge leaves {@code f} under the names of
 * the slots until then. Whether the name of the caller's slot exists, and says what {@code f} says, an update can ask.
 * Marks are only hints: one that is missing or stale costs a second request and nothing else.
 */
final class Bucket extends Part {

    private static final int NAMES = 32;
    private static final int MOST_MARKS = 16;
    private static final long SHORTEST_SLOT = 1_000;
    private static final BigInteger MOST_OWED = BigInteger.ONE.shiftLeft(62);

    private final TokenBucket limit;
    private final long time;
    private final BigInteger full;

    private Bucket(TokenBucket limit, long time, BigInteger full) {
        this.limit = limit;
        this.time = time;
        this.full = full;
    }

    static Bucket blank(TokenBucket limit) {
        return new Bucket(limit, 0, BigInteger.ZERO);
    }

    static Bucket read(TokenBucket limit, int i, Map<String, AttributeValue> item) {
        return has(item, "f" + i) ? new Bucket(limit, number(item, "t" + i), large(item, "f" + i)) : blank(limit);
    }

    @Override
    Limit limit() {
        return limit;
    }

    @Override
    LimitState state() {
        return limit.state(time, owed(time).min(MOST_OWED).longValueExact());
    }

    private BigInteger owed(long instant) {
        return full.subtract(units(instant)).max(BigInteger.ZERO);
    }

    private BigInteger units(long micros) {
        return BigInteger.valueOf(micros).multiply(BigInteger.valueOf(limit.unitsPerMicro()));
    }

    private BigInteger cost(long permits) {
        return BigInteger.valueOf(permits).multiply(BigInteger.valueOf(limit.unitsPerPermit()));
    }

    @Override
    @Nullable Part under(Limit other) {
        if (!(other instanceof TokenBucket bucket)) {
            return null;
        }
        BigInteger divisor = BigInteger.valueOf(limit.unitsPerPermit());
        BigInteger owed = owed(time).multiply(BigInteger.valueOf(bucket.unitsPerPermit()))
                .add(divisor.subtract(BigInteger.ONE)).divide(divisor).min(MOST_OWED);
        return new Bucket(bucket, time, blank(bucket).units(time).add(owed));
    }

    @Override
    long instant(long now) {
        return Math.max(now, time);
    }

    @Override
    Part charged(long permits, long instant, long stamp) {
        return new Bucket(limit, instant(instant), full.max(units(instant(instant))).add(cost(permits)));
    }

    @Override
    Part refunded(long permits, long instant) {
        BigInteger start = units(instant(instant));
        return new Bucket(limit, instant(instant), full.subtract(cost(permits)).max(start));
    }

    @Override
    void write(int i, Map<String, AttributeValue> item, long stamp) {
        item.put("t" + i, value(time));
        item.put("f" + i, AttributeValue.fromN(full.toString()));
    }

    @Override
    void charge(Update update, int i, long permits, long now, boolean sure) {
        long instant = instant(now);
        String f = "f" + i;
        String start = update.number(units(instant));
        String mark = mark(i, slot(instant));
        String idle = "(attribute_not_exists(" + f + ") OR " + f + " <= " + start + ")";
        String from;
        if (full.compareTo(units(instant)) > 0) {
            from = f;
            update.require(busy(update, f, start, instant, permits));
        } else if (sure || slot(micros(full)) == slot(instant)) {
            from = start;
            update.require(idle);
        } else {
            from = "if_not_exists(" + mark + ", " + start + ")";
            update.require("(" + mark + " = " + f + " AND "
                    + busy(update, f, start, instant, permits)
                    + " OR attribute_not_exists(" + mark + ") AND " + idle + ")");
        }
        String after = from + " + " + update.number(cost(permits));
        update.set(f, after);
        update.set("t" + i, update.number(instant));
        requireTime(update, i, instant);
        mark(update, i, instant, full.max(units(instant)).add(cost(permits)), after);
    }

    private String busy(Update update, String f, String start, long instant, long permits) {
        BigInteger most = units(instant).add(cost(limit.burst() - permits));
        return f + " > " + start + " AND " + f + " <= " + update.number(most);
    }

    /** Marks the slots until the bucket is full, as far as this caller can tell, and removes all other marks. */
    private void mark(Update update, int i, long instant, BigInteger end, String after) {
        long first = slot(instant);
        long last = Math.min(slot(micros(end) - slotMicros() / 2), first + Math.max(1, MOST_MARKS / update.limits()));
        for (long slot = first; slot < first + NAMES; slot++) {
            if (slot <= last) {
                update.set(mark(i, slot), after);
            } else {
                update.remove(mark(i, slot));
            }
        }
    }

    /**
     * Of two requests on their way at the same time the one with the earlier clock may arrive later. It is decided a
     * little more strictly then, and {@code t} is set back by as much, which matters only to callers whose clocks lag.
     */
    private static void requireTime(Update update, int i, long instant) {
        update.require("(attribute_not_exists(t" + i + ") OR t" + i + " <= "
                + update.number(instant + IN_FLIGHT_MICROS) + ")");
    }

    @Override
    boolean giveBack(Update update, int i, long permits, long now) {
        long instant = instant(now);
        BigInteger least = units(instant).add(cost(permits));
        if (full.compareTo(least) < 0) {
            return false;
        }
        update.require("f" + i + " >= " + update.number(least));
        update.set("f" + i, "f" + i + " - " + update.number(cost(permits)));
        update.set("t" + i, update.number(instant));
        requireTime(update, i, instant);
        mark(update, i, instant, full.subtract(cost(permits)), "f" + i + " - " + update.number(cost(permits)));
        return true;
    }

    private static String mark(int i, long slot) {
        return "m" + i + "x" + Math.floorMod(slot, NAMES);
    }

    private long slot(long micros) {
        return Math.floorDiv(micros, slotMicros());
    }

    private long slotMicros() {
        return Math.max(SHORTEST_SLOT, limit.microsToRepay(limit.unitsPerPermit()));
    }

    private long micros(BigInteger units) {
        return units.divide(BigInteger.valueOf(limit.unitsPerMicro())).longValue();
    }
}
