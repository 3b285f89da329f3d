package io.github.micronautratelimit.simulator.run;

/**
 * One key under all limits of a {@link LimitSeries} at the same time, in exact integers. For each limit it counts the
 * requests that a token bucket would deny, and it finds the largest backlog: the burst with which the limit would deny
 * nothing.
 *
 * <p>As in the product, one permit is as many units as the period has microseconds, and a microsecond refills as many
 * units as the limit has permits.
 */
final class Ladder {

    private static final long MOST_UNITS = Long.MAX_VALUE / 4;
    private static final long MOST_PERMITS = 1_000_000;

    private final LimitSeries series;
    private final long[] backlog;
    private final long[] largestBacklog;
    private final long[] spent;
    private final int[] denied;
    private long micros;

    Ladder(LimitSeries series, long firstMicros) {
        this.series = series;
        this.backlog = new long[series.size()];
        this.largestBacklog = new long[series.size()];
        this.spent = new long[series.size()];
        this.denied = new int[series.size()];
        this.micros = firstMicros;
    }

    void add(long time, long permits) {
        long elapsed = Math.max(0, time - micros);
        micros += elapsed;
        long period = series.periodMicros();
        long cost = Math.min(permits, MOST_PERMITS) * period;
        for (int i = 0; i < backlog.length; i++) {
            long limit = series.limit(i);
            long refill = refill(elapsed, limit);
            long capacity = limit * period;
            long before = backlog[i] > refill ? backlog[i] - refill : 0;
            long after = Math.min(before + cost, MOST_UNITS);
            backlog[i] = after;
            largestBacklog[i] = Math.max(largestBacklog[i], after);
            if (denied[i] > 0) {
                long rest = spent[i] > refill ? spent[i] - refill : 0;
                boolean admits = rest + cost <= capacity;
                spent[i] = admits ? rest + cost : rest;
                denied[i] += admits ? 0 : 1;
            } else if (after > capacity) {
                spent[i] = before;
                denied[i] = 1;
            }
        }
    }

    private static long refill(long elapsed, long limit) {
        boolean isSmall = elapsed <= MOST_UNITS / MOST_PERMITS;
        return isSmall || elapsed < MOST_UNITS / limit ? elapsed * limit : MOST_UNITS;
    }

    /** Returns the number of requests that a limit denies. */
    int denied(int step) {
        return denied[step];
    }

    /** Returns the burst with which a limit denies nothing. */
    long burstNeeded(int step) {
        long period = series.periodMicros();
        return Math.max(1, (largestBacklog[step] + period - 1) / period);
    }
}
