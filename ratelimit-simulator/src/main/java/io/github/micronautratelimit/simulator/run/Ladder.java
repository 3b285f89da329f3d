package io.github.micronautratelimit.simulator.run;

import java.util.Arrays;

/**
 * One key under all limits of a {@link LimitSeries} at the same time, in exact integers. For each limit it counts the
 * requests that a token bucket would deny, and it finds the largest backlog: the burst with which the limit would deny
 * nothing.
 *
 * <p>As in the product, one permit is as many units as the period has microseconds, and a microsecond refills as many
 * units as the limit has permits.
 *
 * <p>A larger limit never has a larger backlog. So the limits whose bucket was full before the last request are all
 * above
 * the others. They need no cells: their backlog is the cost of that request. Most requests therefore change few cells.
 */
final class Ladder {

    private static final long MOST_UNITS = Long.MAX_VALUE / 4;
    private static final long MOST_PERMITS = 1_000_000;

    /** The cell of a limit: the backlog, its largest value, the units that the bucket misses, and the denials. */
    private static final int CELL = 4;

    private static final int LARGEST = 1;
    private static final int MISSING = 2;
    private static final int DENIED = 3;

    private final LimitSeries series;
    private long[] cells = {};
    /** The number of limits with a backlog from before the last request. */
    private int behind;

    private long lastCost;
    private long largestCost;
    private long micros;

    Ladder(LimitSeries series, long firstMicros) {
        this.series = series;
        this.micros = firstMicros;
    }

    void add(long time, long permits) {
        long elapsed = Math.max(0, time - micros);
        micros += elapsed;
        long cost = Math.min(permits, MOST_PERMITS) * series.periodMicros();
        int step = 0;
        while (step < series.size()) {
            long limit = series.limit(step);
            long refill = refill(elapsed, limit);
            boolean isBehind = step < behind;
            long before = (isBehind ? cells[step * CELL] : lastCost) - refill;
            if (before <= 0 && permits <= limit) {
                break;
            }
            update(step, isBehind, refill, Math.max(0, before), cost);
            step++;
        }
        behind = step;
        lastCost = cost;
        largestCost = Math.max(largestCost, cost);
    }

    private void update(int step, boolean isBehind, long refill, long before, long cost) {
        int cell = step * CELL;
        if (cell >= cells.length) {
            cells = Arrays.copyOf(cells, Math.min(series.size() * CELL, cell + cell / 2 / CELL * CELL + CELL));
        }
        long after = Math.min(before + cost, MOST_UNITS);
        cells[cell] = after;
        cells[cell + LARGEST] = Math.max(cells[cell + LARGEST], after);
        boolean hasDenied = cells[cell + DENIED] > 0;
        long missing = hasDenied ? Math.max(0, (isBehind ? cells[cell + MISSING] : lastCost) - refill) : before;
        boolean admits = missing + cost <= series.limit(step) * series.periodMicros();
        cells[cell + MISSING] = admits ? missing + cost : missing;
        cells[cell + DENIED] += admits ? 0 : 1;
    }

    private static long refill(long elapsed, long limit) {
        boolean isSmall = elapsed <= MOST_UNITS / MOST_PERMITS;
        return isSmall || elapsed < MOST_UNITS / limit ? elapsed * limit : MOST_UNITS;
    }

    /** Returns the number of requests that a limit denies. */
    long denied(int step) {
        int cell = step * CELL;
        return cell < cells.length ? cells[cell + DENIED] : 0;
    }

    /** Returns the burst with which a limit denies nothing. */
    long burstNeeded(int step) {
        int cell = step * CELL;
        long largest = Math.max(largestCost, cell < cells.length ? cells[cell + LARGEST] : 0);
        long period = series.periodMicros();
        return Math.max(1, (largest + period - 1) / period);
    }
}
