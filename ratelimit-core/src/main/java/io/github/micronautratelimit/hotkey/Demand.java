package io.github.micronautratelimit.hotkey;

import java.util.concurrent.atomic.AtomicLong;
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

    /** The requests that the store decided, and their permits. Their average holds for all requests of the key. */
    private final AtomicLong requests = new AtomicLong();

    private final AtomicLong permitsOfRequests = new AtomicLong();
    /** Permits that the store granted, whether or not they were given back. */
    private final AtomicLong permitsOfStore = new AtomicLong();

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

    /**
     * Counts a request that the store granted, at least in part.
     *
     * @param permits    the permits of the request
     * @param prefetched those among them that were prefetched
     */
    void granted(long permits, long prefetched) {
        grantedByStore.add(permits - prefetched);
        permitsOfStore.addAndGet(permits - prefetched);
        permitsOfRequests.addAndGet(permits);
        requests.incrementAndGet();
    }

    /** Counts granted permits that were given back. */
    void givenBack(long permits) {
        grantedByStore.add(-permits);
    }

    /** Returns the requests that use as many permits, by the average of those that the store decided. */
    private long requests(long permits) {
        long each = permitsOfRequests.get();
        return each == 0 ? permits : (long) ((double) permits * requests.get() / each);
    }

    /** Returns the number of requests in the larger use of the last period and of the present one. */
    long expectedRequests(long held) {
        return requests(expected(held));
    }

    /** Returns the number of requests since the start that needed no call. */
    long savedRequests(long held) {
        return requests(Math.max(0, used(held) - permitsOfStore.get()));
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
