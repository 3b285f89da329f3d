package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.Decision;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;

/**
 * The charges of prefetched permits that are held, so that unused permits are refunded to the charge they came from.
 * Requests use the permits of the oldest charge first; refunds give back those of the newest. Safe for use by any
 * number of threads.
 */
final class PrefetchCharges {

    /** Older charges are counted as one, of the time of the oldest. */
    private static final int MAX_CHARGES = 8;

    /**
     * Permits of one charge.
     *
     * @param chargedAtMicros the time of the store
     */
    record Part(long permits, long chargedAtMicros) {}

    /** Newest first. */
    private final Deque<Part> parts = new ArrayDeque<>();
    /** Read by every grant, so without the lock. */
    private volatile long oldest;

    /**
     * Records a charge.
     *
     * @param held the permits held before it, which are those of the newest earlier charges
     */
    synchronized void add(long permits, long chargedAtMicros, long held) {
        keep(held);
        parts.addFirst(new Part(permits, chargedAtMicros));
        while (parts.size() > MAX_CHARGES) {
            Part last = parts.removeLast();
            Part next = parts.removeLast();
            parts.addLast(new Part(last.permits + next.permits, last.chargedAtMicros));
        }
        updateOldest();
    }

    private void keep(long held) {
        Deque<Part> all = new ArrayDeque<>(parts);
        parts.clear();
        long left = held;
        for (Iterator<Part> each = all.iterator(); each.hasNext() && left > 0; ) {
            Part part = each.next();
            long kept = Math.min(left, part.permits);
            parts.addLast(new Part(kept, part.chargedAtMicros));
            left -= kept;
        }
    }

    /** Takes permits of the newest charges. Permits whose charge is not known are not among the result. */
    synchronized List<Part> takeNewest(long permits) {
        List<Part> taken = new ArrayList<>();
        long left = permits;
        while (left > 0 && !parts.isEmpty()) {
            Part newest = parts.removeFirst();
            long some = Math.min(left, newest.permits);
            taken.add(new Part(some, newest.chargedAtMicros));
            if (some < newest.permits) {
                parts.addFirst(new Part(newest.permits - some, newest.chargedAtMicros));
            }
            left -= some;
        }
        updateOldest();
        return taken;
    }

    private void updateOldest() {
        Part last = parts.peekLast();
        oldest = last == null ? Decision.Allowed.UNKNOWN_TIME : last.chargedAtMicros;
    }

    /**
     * Returns the time of the oldest charge whose permits may be held; {@link Decision.Allowed#UNKNOWN_TIME} if none.
     */
    long oldest() {
        return oldest;
    }
}
