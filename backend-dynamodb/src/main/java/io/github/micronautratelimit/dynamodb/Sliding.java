package io.github.micronautratelimit.dynamodb;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.SlidingWindow;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * A sliding window as all that was ever granted, {@code n}, the segment of the last charge, {@code g}, and in the map
 * {@code p} what {@code n} was when each segment of the window began. What a window has granted is then {@code n} less what
 * it was when its oldest segment began: a number that does not change any more.
 *
 * <p>So whoever has seen the key within the window can charge without agreeing with the others: the condition bounds
 * {@code n}, and the beginning of a segment is noted by whoever comes first. Nobody has to move the window on. The numbers
 * of a key that was forgotten and began again are told apart by its lineage, {@code r}. A caller who has not seen the key
 * bets that it says nothing, and is told if he is wrong.
 */
final class Sliding extends Part {

    private static final int PER_PERIOD = 64;
    /** More than lie between a segment that is about to be removed and one that is added beside it. */
    private static final int NAMES = 2 * PER_PERIOD + 2;
    private static final long NONE = Long.MIN_VALUE / 4;

    private final SlidingWindow limit;
    private final long newest;
    private final long total;
    private final long lineage;
    /** The segments that were written in, in ascending order up to the newest, and the total when each began. */
    private final long[] segments;
    private final long[] starts;

    private Sliding(SlidingWindow limit, long newest, long total, long lineage, long[] segments, long[] starts) {
        this.limit = limit;
        this.newest = newest;
        this.total = total;
        this.lineage = lineage;
        this.segments = segments;
        this.starts = starts;
    }

    static Sliding blank(SlidingWindow limit) {
        return new Sliding(limit, NONE, 0, 0, new long[0], new long[0]);
    }

    static Sliding read(SlidingWindow limit, int i, Map<String, AttributeValue> item) {
        if (!has(item, "g" + i)) {
            return blank(limit);
        }
        long newest = number(item, "g" + i);
        Map<String, AttributeValue> began = item.get("p" + i).m();
        long[] segments = began.keySet().stream().mapToLong(name -> segment(name, newest)).sorted().toArray();
        long[] starts = Arrays.stream(segments).map(segment -> number(began, name(segment))).toArray();
        return new Sliding(limit, newest, number(item, "n" + i), number(item, "r" + i), segments, starts);
    }

    /** A letter and a digit: short, for there are up to 65 of them, and no word that DynamoDB reserves. */
    private static String name(long segment) {
        int number = Math.floorMod(segment, NAMES);
        return "" + (char) ('a' + number / 10) + number % 10;
    }

    /** The latest segment of the name that is not after the newest. */
    private static long segment(String name, long newest) {
        int number = (name.charAt(0) - 'a') * 10 + name.charAt(1) - '0';
        return newest - Math.floorMod(newest - number, NAMES);
    }

    @Override
    Limit limit() {
        return limit;
    }

    private long segmentMicros() {
        return (limit.periodMicros() + PER_PERIOD - 1) / PER_PERIOD;
    }

    @Override
    LimitState state() {
        if (segments.length == 0) {
            return limit.stateAt(null, 0);
        }
        LimitState state = limit.stateAt(null, segments[0] * segmentMicros());
        for (int i = 0; i < segments.length; i++) {
            state = limit.stateAt(state, segments[i] * segmentMicros()).charge(count(i));
        }
        return limit.stateAt(state, newest * segmentMicros());
    }

    private long count(int i) {
        return (i + 1 < starts.length ? starts[i + 1] : total) - starts[i];
    }

    @Override
    @Nullable Part under(Limit other) {
        return other instanceof SlidingWindow window && window.periodMicros() == limit.periodMicros()
                ? new Sliding(window, newest, total, lineage, segments, starts) : null;
    }

    @Override
    long instant(long now) {
        return newest == NONE ? now : Math.max(now, newest * segmentMicros());
    }

    private long segmentAt(long now) {
        return Math.floorDiv(instant(now), segmentMicros());
    }

    /** The index of the first segment that is in the window at another. */
    private int firstIn(long current) {
        int first = 0;
        while (first < segments.length && segments[first] < current - PER_PERIOD) {
            first++;
        }
        return first;
    }

    @Override
    Part charged(long permits, long instant, long stamp) {
        long current = segmentAt(instant);
        int first = firstIn(current);
        if (first == segments.length) {
            return new Sliding(limit, current, permits, stamp, new long[] {current}, new long[] {0});
        }
        boolean begins = segments[segments.length - 1] < current;
        long[] charged = Arrays.copyOfRange(segments, first, segments.length + (begins ? 1 : 0));
        long[] began = Arrays.copyOfRange(starts, first, starts.length + (begins ? 1 : 0));
        if (begins) {
            charged[charged.length - 1] = current;
            began[began.length - 1] = total;
        }
        return new Sliding(limit, current, total + permits, lineage, charged, began);
    }

    /** Takes from the newest segments first. What is left is as late as the refund: its segment is noted too. */
    @Override
    Part refunded(long permits, long instant) {
        Sliding at = (Sliding) charged(0, instant, lineage);
        long left = Math.max(at.starts[0], at.total - Math.min(permits, at.total));
        long[] began = at.starts.clone();
        for (int i = 0; i < began.length; i++) {
            began[i] = Math.min(began[i], left);
        }
        return new Sliding(limit, at.newest, left, lineage, at.segments, began);
    }

    @Override
    void write(int i, Map<String, AttributeValue> item, long stamp) {
        if (segments.length > 0) {
            Map<String, AttributeValue> began = new HashMap<>();
            for (int s = 0; s < segments.length; s++) {
                began.put(name(segments[s]), value(starts[s]));
            }
            item.put("g" + i, value(newest));
            item.put("n" + i, value(total));
            item.put("r" + i, value(stamp));
            item.put("p" + i, AttributeValue.fromM(began));
        }
    }

    @Override
    void charge(Update update, int i, long permits, long now, boolean sure) {
        long current = segmentAt(now);
        int first = firstIn(current);
        String g = "g" + i;
        String n = "n" + i;
        String id = update.number(current);
        update.set(g, id);
        if (first == segments.length) {
            update.require("(attribute_not_exists(" + g + ") OR " + g + " < "
                    + update.number(current - PER_PERIOD) + ")");
            update.set(n, update.number(permits));
            update.set("r" + i, update.number(update.stamp()));
            update.set("p" + i, update.value(AttributeValue.fromM(Map.of(name(current), value(0)))));
            return;
        }
        update.require("r" + i + " = " + update.number(lineage));
        update.require(g + " <= " + id);
        update.require(n + " <= " + update.number(starts[first] + limit.permits() - permits));
        update.set(n, n + " + " + update.number(permits));
        String began = "p" + i + "." + name(current);
        update.set(began, "if_not_exists(" + began + ", " + n + ")");
        for (int gone = 0; gone < first; gone++) {
            update.remove("p" + i + "." + name(segments[gone]));
        }
    }

    @Override
    boolean giveBack(Update update, int i, long permits, long now) {
        int last = segments.length - 1;
        if (last < 0 || segmentAt(now) != newest || segments[last] != newest || count(last) < permits) {
            return false;
        }
        update.require("r" + i + " = " + update.number(lineage));
        update.require("g" + i + " = " + update.number(newest));
        update.require("n" + i + " >= " + update.number(starts[last] + permits));
        update.set("n" + i, "n" + i + " - " + update.number(permits));
        return true;
    }
}
