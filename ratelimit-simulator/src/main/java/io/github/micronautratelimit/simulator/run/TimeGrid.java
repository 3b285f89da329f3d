package io.github.micronautratelimit.simulator.run;

/**
 * Intervals of equal length from the first request on. If time exceeds the last one, intervals are merged to the next
 * usual length: 5 or 15 seconds, 1, 5 or 15 minutes, 1 or 6 hours, 1 day, 7 days, and then twice as long each time.
 */
final class TimeGrid {

    private static final long SECOND = 1_000_000;
    private static final int[] FACTORS = {5, 3, 4, 5, 3, 4, 6, 4, 7};
    private static final int LAST_FACTOR = 2;

    private final int intervals;
    private long originMicros = -1;
    private long widthMicros = SECOND;
    private int merges;

    TimeGrid(int intervals) {
        this.intervals = intervals;
    }

    /** Returns the interval of a time that is not before the first one. */
    int index(long micros) {
        if (originMicros < 0) {
            originMicros = micros - Math.floorMod(micros, SECOND);
        }
        while ((micros - originMicros) / widthMicros >= intervals) {
            widthMicros *= factor(merges);
            merges++;
        }
        return (int) Math.max(0, (micros - originMicros) / widthMicros);
    }

    /** Returns how many intervals become one with a merge. */
    static int factor(int merge) {
        return merge < FACTORS.length ? FACTORS[merge] : LAST_FACTOR;
    }

    int intervals() {
        return intervals;
    }

    /** Returns the number of merges so far. */
    int merges() {
        return merges;
    }

    long originMicros() {
        return originMicros;
    }

    long widthMicros() {
        return widthMicros;
    }
}
