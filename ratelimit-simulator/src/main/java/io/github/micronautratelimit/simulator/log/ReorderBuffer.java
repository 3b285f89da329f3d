package io.github.micronautratelimit.simulator.log;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Sorts requests that are late by at most a window. Requests in order take constant time; only those out of order pass
 * a heap. Requests of the same time keep their order. Not thread-safe.
 */
final class ReorderBuffer {

    /** The most requests in the window; beyond it the first ones leave early. */
    static final int MAX_SIZE = 1_000_000;

    private static final Comparator<Entry> ORDER =
            Comparator.<Entry>comparingLong(entry -> entry.record.micros()).thenComparingLong(Entry::number);

    private final long windowMicros;
    private final ArrayDeque<Entry> inOrder = new ArrayDeque<>();
    private final PriorityQueue<Entry> outOfOrder = new PriorityQueue<>(ORDER);
    private long newest = Long.MIN_VALUE;
    private long added;
    private boolean ended;

    private record Entry(AccessRecord record, long number) {}

    ReorderBuffer(long windowMicros) {
        this.windowMicros = windowMicros;
    }

    void add(AccessRecord record) {
        Entry entry = new Entry(record, added++);
        if (record.micros() >= newest) {
            newest = record.micros();
            inOrder.add(entry);
        } else {
            outOfOrder.add(entry);
        }
    }

    /** Notes that no further requests come, so that all leave. */
    void end() {
        ended = true;
    }

    /** Returns and removes the first request if none before it can come any more, otherwise {@code null}. */
    @Nullable
    AccessRecord poll() {
        Entry first = inOrder.peek();
        Entry late = outOfOrder.peek();
        boolean isLate = late != null && (first == null || ORDER.compare(late, first) < 0);
        Entry next = isLate ? late : first;
        boolean leaves = next != null
                && (ended
                        || newest - next.record.micros() > windowMicros
                        || inOrder.size() + outOfOrder.size() > MAX_SIZE);
        if (next == null || !leaves) {
            return null;
        }
        if (isLate) {
            outOfOrder.remove();
        } else {
            inOrder.remove();
        }
        return next.record;
    }
}
