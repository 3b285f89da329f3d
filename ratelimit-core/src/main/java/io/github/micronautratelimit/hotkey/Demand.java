package io.github.micronautratelimit.hotkey;

import java.util.concurrent.atomic.LongAdder;

/**
 * Measures how many permits of a key are used per period. Used permits are those that were added here and are no longer
 * held, and those that the store granted itself.
 *
 * <p>Any thread may count. One thread ends periods.
 */
final class Demand {

    /** Permits that were added to the prefetched ones, minus those that were removed without being used. */
    private final LongAdder added = new LongAdder();

    private final LongAdder grantedByStore = new LongAdder();

    private volatile long periodBegunMicros;
    private volatile long usedBefore;
    private volatile long usedInLastPeriod;

    Demand(long now) {
        this.periodBegunMicros = now;
    }

    void added(long permits) {
        added.add(permits);
    }

    void removed(long permits) {
        added.add(-permits);
    }

    void add(long permits) {
        grantedByStore.add(permits);
    }

    private long used(long held) {
        return grantedByStore.sum() + added.sum() - Math.max(0, held);
    }

    private long inThisPeriod(long held) {
        return used(held) - usedBefore;
    }

    /** Returns the larger use of the last period and of the present one. */
    long expected(long held) {
        return Math.max(usedInLastPeriod, inThisPeriod(held));
    }

    /** Returns the use of the last period and of the present one together. */
    long recent(long held) {
        return usedInLastPeriod + inThisPeriod(held);
    }

    long lastPeriod() {
        return usedInLastPeriod;
    }

    boolean isIdle(long held) {
        return usedInLastPeriod == 0 && inThisPeriod(held) == 0;
    }

    /** Starts the next period if the present one is over, and returns whether it was. */
    boolean endPeriod(long now, long held) {
        if (now - periodBegunMicros < PrefetchedPermits.PERIOD_MICROS) {
            return false;
        }
        long used = used(held);
        usedInLastPeriod = Math.max(0, used - usedBefore);
        usedBefore = used;
        periodBegunMicros = now;
        return true;
    }
}
