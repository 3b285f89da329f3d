package io.github.micronautratelimit.dynamodb;

import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.allOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.anyOf;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.missing;
import static io.github.micronautratelimit.dynamodb.DynamoDbTable.Update.orDefault;

import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.SlidingWindow;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** The attributes of windows. Segments are numbered since the epoch, windows as {@link FixedWindow#windowAt} does. */
final class WindowAttributes {

    private WindowAttributes() {}

    /**
     * A fixed window, stored as the number of the window, {@value #WINDOW}, and a counter, {@value #USED}. The name of
     * the counter contains the number of the window modulo {@value #COUNTER_NAMES}. So a charge need not know whether
     * it is the first one of its window: it adds to the counter of that name, which is missing then, and removes all
     * others. If a key returns after a multiple of {@value #COUNTER_NAMES} windows, an old counter has the name. The
     * condition notices, and a second request overwrites it.
     *
     * @param limit  the limit
     * @param window the number of the window, or {@link #NONE}
     * @param used   the permits that are charged in the window
     */
    record Fixed(FixedWindow limit, long window, long used) implements LimitAttributes {

        private static final String WINDOW = "w";
        private static final String USED = "u";
        private static final int COUNTER_NAMES = 32;
        private static final long NONE = -1;

        static Fixed blank(FixedWindow limit) {
            return new Fixed(limit, NONE, 0);
        }

        static Fixed read(FixedWindow limit, int index, Map<String, AttributeValue> item) {
            if (!item.containsKey(WINDOW + index)) {
                return blank(limit);
            }
            long window = LimitAttributes.number(item, WINDOW + index);
            return new Fixed(limit, window, LimitAttributes.number(item, counter(index, window)));
        }

        private static String counter(int index, long window) {
            return USED + index + "x" + Math.floorMod(window, COUNTER_NAMES);
        }

        @Override
        public LimitState state() {
            return limit.stateAt(null, limit.startOf(window)).charge(used);
        }

        @Override
        public @Nullable LimitAttributes under(Limit other, long now) {
            return other instanceof FixedWindow fixed
                            && fixed.periodMicros() == limit.periodMicros()
                            && Objects.equals(fixed.calendar(), limit.calendar())
                    ? new Fixed(fixed, window, used)
                    : null;
        }

        @Override
        public long lifeMicros() {
            return limit.longestResetMicros();
        }

        @Override
        public long instant(long now) {
            return Math.max(now, limit.startOf(window));
        }

        private long windowAt(long now) {
            return limit.windowAt(instant(now));
        }

        @Override
        public LimitAttributes charged(long permits, long instant, long version) {
            long current = windowAt(instant);
            return new Fixed(limit, current, (current == window ? used : 0) + permits);
        }

        @Override
        public long room(long maxDebt, long instant) {
            return Math.max(0, limit.mostMissing(maxDebt) - (windowAt(instant) == window ? used : 0));
        }

        @Override
        public LimitAttributes refunded(long permits, long chargedAt, long instant) {
            long current = windowAt(instant);
            long back = isOf(current, chargedAt) ? permits : 0;
            return new Fixed(limit, current, current == window ? Math.max(0, used - back) : 0);
        }

        private boolean isOf(long current, long chargedAt) {
            return chargedAt == LimitState.LATEST
                    || limit.startOf(current) <= chargedAt && chargedAt < limit.startOf(current + 1);
        }

        @Override
        public void write(Map<String, AttributeValue> item, int index, long version) {
            if (window != NONE) {
                item.put(WINDOW + index, LimitAttributes.value(window));
                item.put(counter(index, window), LimitAttributes.value(used));
            }
        }

        @Override
        public void charge(Update update, int index, Change change) {
            long current = windowAt(change.now());
            String number = WINDOW + index;
            String counter = counter(index, current);
            String present = update.number(current);
            String permits = update.number(change.permits());
            if (window != NONE && window < current && counter.equals(counter(index, window))) {
                update.require(number + " = " + update.number(window));
                update.set(counter, permits);
            } else {
                String most = update.number(limit.mostMissing(change.maxDebt()) - change.permits());
                update.require(anyOf(
                        missing(number),
                        allOf(number + " < " + present, missing(counter)),
                        allOf(number + " = " + present, counter + " <= " + most)));
                update.set(counter, orDefault(counter, update.number(0)) + " + " + permits);
            }
            update.set(number, present);
            for (long other = current + 1; other < current + COUNTER_NAMES; other++) {
                update.remove(counter(index, other));
            }
        }

        @Override
        public boolean refund(Update update, int index, Change change) {
            long current = windowAt(change.now());
            boolean isOfCurrent = isOf(current, change.chargedAt());
            String number = WINDOW + index;
            if (!isOfCurrent || current != window) {
                if (isOfCurrent) {
                    // Nothing was charged in the present window.
                    update.require(anyOf(missing(number), number + " < " + update.number(current)));
                }
                charge(update, index, change.ofNothing());
                return true;
            }
            String counter = counter(index, window);
            String permits = update.number(change.permits());
            update.require(number + " = " + update.number(window));
            if (used < change.permits()) {
                update.require(counter + " < " + permits).set(counter, update.number(0));
            } else {
                update.require(counter + " >= " + permits).set(counter, counter + " - " + permits);
            }
            return true;
        }
    }

    /**
     * A sliding window, stored as the total of all permits ever charged, {@value #TOTAL}, the segment of the last
     * charge, {@value #NEWEST}, and a map {@value #STARTS} with the total at the start of each segment of the window.
     * The permits charged in a window are the total minus the total at the start of its oldest segment, which never
     * changes again.
     *
     * <p>So a caller that has seen the key within the window can charge it without agreement with others: the condition
     * bounds the total, and the first charge of a segment records its start. No update has to move the window. If a key
     * is removed and created again, its totals start again; {@value #LINEAGE} distinguishes them. A caller that has not
     * seen the key assumes that the window is empty, and learns from the failed condition if it is not.
     *
     * @param limit    the limit
     * @param newest   the segment of the last charge, or {@link #NONE}
     * @param total    the total of all permits charged
     * @param lineage  the version of the write that the total starts with
     * @param segments the segments with a charge, in ascending order
     */
    record Sliding(SlidingWindow limit, long newest, long total, long lineage, List<Segment> segments)
            implements LimitAttributes {

        private static final String TOTAL = "n";
        private static final String NEWEST = "g";
        private static final String STARTS = "p";
        private static final String LINEAGE = "r";

        private static final int SEGMENTS = 64;
        /** More than the segments between one that is removed and one that is added by the same update. */
        private static final int SEGMENT_NAMES = 2 * SEGMENTS + 2;
        /** The starts that a refund in place changes. The limits of an item share this number. */
        private static final int MAX_LOWERED_STARTS = 24;

        private static final long NONE = Long.MIN_VALUE / 4;

        /** A segment and the total at its start. */
        private record Segment(long number, long start) {

            /** Returns a letter and a digit: short, because there are up to 65 of them, and not a reserved word. */
            static String name(long number) {
                int name = Math.floorMod(number, SEGMENT_NAMES);
                return "" + (char) ('a' + name / 10) + name % 10;
            }

            /** Returns the latest segment with a name that is not after the newest one. */
            static long number(String name, long newest) {
                int number = (name.charAt(0) - 'a') * 10 + name.charAt(1) - '0';
                return newest - Math.floorMod(newest - number, SEGMENT_NAMES);
            }
        }

        static Sliding blank(SlidingWindow limit) {
            return new Sliding(limit, NONE, 0, 0, List.of());
        }

        static Sliding read(SlidingWindow limit, int index, Map<String, AttributeValue> item) {
            if (!item.containsKey(NEWEST + index)) {
                return blank(limit);
            }
            long newest = LimitAttributes.number(item, NEWEST + index);
            Map<String, AttributeValue> starts = LimitAttributes.map(item, STARTS + index);
            List<Segment> segments = starts.keySet().stream()
                    .map(name -> new Segment(Segment.number(name, newest), LimitAttributes.number(starts, name)))
                    .sorted(Comparator.comparingLong(Segment::number))
                    .toList();
            return new Sliding(
                    limit,
                    newest,
                    LimitAttributes.number(item, TOTAL + index),
                    LimitAttributes.number(item, LINEAGE + index),
                    segments);
        }

        private long segmentMicros() {
            return (limit.periodMicros() + SEGMENTS - 1) / SEGMENTS;
        }

        @Override
        public LimitState state() {
            if (segments.isEmpty()) {
                return limit.stateAt(null, 0);
            }
            LimitState state = null;
            for (int i = 0; i < segments.size(); i++) {
                state = limit.stateAt(state, segments.get(i).number() * segmentMicros())
                        .charge(count(i));
            }
            return limit.stateAt(state, newest * segmentMicros());
        }

        private long count(int i) {
            long end = i + 1 < segments.size() ? segments.get(i + 1).start() : total;
            return end - segments.get(i).start();
        }

        @Override
        public @Nullable LimitAttributes under(Limit other, long now) {
            return other instanceof SlidingWindow window && window.periodMicros() == limit.periodMicros()
                    ? new Sliding(window, newest, total, lineage, segments)
                    : null;
        }

        @Override
        public long lifeMicros() {
            return limit.periodMicros() + limit.periodMicros() / SEGMENTS + SEGMENTS + 1;
        }

        @Override
        public long instant(long now) {
            return newest == NONE ? now : Math.max(now, newest * segmentMicros());
        }

        private long segmentAt(long now) {
            return Math.floorDiv(instant(now), segmentMicros());
        }

        /**
         * Returns the oldest segment in the window: the segments from it to the one before the present cover a period.
         */
        private long oldestAt(long now) {
            long covering = (limit.periodMicros() + segmentMicros() - 1) / segmentMicros();
            return segmentAt(now) - covering;
        }

        private List<Segment> inWindowAt(long now) {
            long oldest = oldestAt(now);
            return segments.stream()
                    .filter(segment -> segment.number() >= oldest)
                    .toList();
        }

        @Override
        public boolean isBetOnEmpty(long now) {
            return inWindowAt(now).isEmpty();
        }

        @Override
        public LimitAttributes charged(long permits, long instant, long version) {
            long current = segmentAt(instant);
            List<Segment> kept = new ArrayList<>(inWindowAt(instant));
            if (kept.isEmpty()) {
                return new Sliding(limit, current, permits, version, List.of(new Segment(current, 0)));
            }
            if (kept.get(kept.size() - 1).number() < current) {
                kept.add(new Segment(current, total));
            }
            return new Sliding(limit, current, total + permits, lineage, List.copyOf(kept));
        }

        @Override
        public long room(long maxDebt, long instant) {
            List<Segment> kept = inWindowAt(instant);
            long used = kept.isEmpty() ? 0 : total - kept.get(0).start();
            return Math.max(0, limit.mostMissing(maxDebt) - used);
        }

        @Override
        public LimitAttributes refunded(long permits, long chargedAt, long instant) {
            Sliding at = (Sliding) charged(0, instant, lineage);
            return chargedAt == LimitState.LATEST
                    ? at.refundedLatest(permits)
                    : at.refundedSegment(permits, Math.floorDiv(chargedAt, segmentMicros()));
        }

        private Sliding refundedSegment(long permits, long number) {
            int charged = indexOf(number);
            long back = charged < 0 ? 0 : Math.min(permits, count(charged));
            List<Segment> refunded = new ArrayList<>(segments.subList(0, charged + 1));
            for (Segment later : segments.subList(charged + 1, segments.size())) {
                refunded.add(new Segment(later.number(), later.start() - back));
            }
            return new Sliding(limit, newest, total - back, lineage, List.copyOf(refunded));
        }

        /** Returns the index of a segment, or -1 if nothing was charged in it. */
        private int indexOf(long number) {
            for (int i = segments.size() - 1; i >= 0; i--) {
                if (segments.get(i).number() == number) {
                    return i;
                }
            }
            return -1;
        }

        /** Takes from the newest segments first. The rest is as late as the refund, so its segment is recorded too. */
        private Sliding refundedLatest(long permits) {
            Sliding at = this;
            long rest = Math.max(at.segments.get(0).start(), at.total - Math.min(permits, at.total));
            List<Segment> refunded = at.segments.stream()
                    .map(segment -> new Segment(segment.number(), Math.min(segment.start(), rest)))
                    .toList();
            return new Sliding(limit, at.newest, rest, lineage, refunded);
        }

        @Override
        public void write(Map<String, AttributeValue> item, int index, long version) {
            if (!segments.isEmpty()) {
                Map<String, AttributeValue> starts = new HashMap<>();
                segments.forEach(
                        segment -> starts.put(Segment.name(segment.number()), LimitAttributes.value(segment.start())));
                item.put(NEWEST + index, LimitAttributes.value(newest));
                item.put(TOTAL + index, LimitAttributes.value(total));
                item.put(LINEAGE + index, LimitAttributes.value(version));
                item.put(STARTS + index, AttributeValue.fromM(starts));
            }
        }

        @Override
        public void charge(Update update, int index, Change change) {
            long current = segmentAt(change.now());
            List<Segment> kept = inWindowAt(change.now());
            update.set(NEWEST + index, update.number(current));
            if (kept.isEmpty()) {
                begin(update, index, change, current, oldestAt(change.now()));
            } else {
                add(update, index, change, current, kept.get(0));
                removeGone(update, index, kept);
            }
        }

        private void removeGone(Update update, int index, List<Segment> kept) {
            segments.stream()
                    .limit(segments.size() - kept.size())
                    .forEach(gone -> update.remove(start(index, gone.number())));
        }

        /** Starts the window, if it is empty. */
        private static void begin(Update update, int index, Change change, long current, long oldest) {
            String newest = NEWEST + index;
            update.require(anyOf(missing(newest), newest + " < " + update.number(oldest)));
            update.set(TOTAL + index, update.number(change.permits()));
            update.set(LINEAGE + index, update.number(change.version()));
            update.set(
                    STARTS + index,
                    update.value(AttributeValue.fromM(Map.of(Segment.name(current), LimitAttributes.value(0)))));
        }

        /** Adds to the total, if the permits since the start of the oldest segment in the window admit it. */
        private void add(Update update, int index, Change change, long current, Segment oldest) {
            String sum = TOTAL + index;
            String start = start(index, current);
            update.require(LINEAGE + index + " = " + update.number(lineage));
            update.require(NEWEST + index + " <= " + update.number(current));
            update.require(sum + " <= "
                    + update.number(oldest.start() + limit.mostMissing(change.maxDebt()) - change.permits()));
            update.set(sum, sum + " + " + update.number(change.permits()));
            update.set(start, orDefault(start, sum));
        }

        private static String start(int index, long segment) {
            return STARTS + index + "." + Segment.name(segment);
        }

        /**
         * Refunds a segment by lowering the total and the starts of all later segments. Charges in the newest segment
         * do not conflict with it. The start of the oldest segment must not change for a caller that has seen it, so
         * the refund of an older segment starts a new lineage.
         */
        @Override
        public boolean refund(Update update, int index, Change change) {
            long current = segmentAt(change.now());
            int last = segments.size() - 1;
            if (last < 0 || segments.get(last).number() != newest || change.isOfLatest() && current != newest) {
                return false;
            }
            long number = change.isOfLatest() ? newest : Math.floorDiv(change.chargedAt(), segmentMicros());
            if (number < oldestAt(change.now())) {
                charge(update, index, change.ofNothing());
                return true;
            }
            int charged = indexOf(number);
            if (charged < 0
                    || count(charged) < change.permits()
                    || (last - charged) * change.limits() > MAX_LOWERED_STARTS) {
                return false;
            }
            String sum = TOTAL + index;
            String permits = update.number(change.permits());
            String end = charged == last
                    ? sum
                    : start(index, segments.get(charged + 1).number());
            update.require(LINEAGE + index + " = " + update.number(lineage));
            update.require(NEWEST + index + " = " + update.number(newest));
            update.require(end + " >= " + update.number(segments.get(charged).start() + change.permits()));
            update.set(sum, sum + " - " + permits);
            for (Segment later : segments.subList(charged + 1, segments.size())) {
                String start = start(index, later.number());
                update.set(start, start + " - " + permits);
            }
            if (charged < last) {
                update.set(LINEAGE + index, update.number(change.version()));
            }
            if (current > newest) {
                update.set(NEWEST + index, update.number(current));
                update.set(start(index, current), sum + " - " + permits);
            }
            removeGone(update, index, inWindowAt(change.now()));
            return true;
        }
    }
}
