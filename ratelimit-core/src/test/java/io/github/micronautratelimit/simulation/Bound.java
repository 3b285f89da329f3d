package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.simulation.Ledger.Entry;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * Counts by definition how far entries go beyond the refill of a limit. Shares no arithmetic with the library, so that
 * an error there does not hide here.
 */
final class Bound {

    private Bound() {}

    /**
     * Returns the most permits of any interval, minus those that the limit refills in it. In the order of their times.
     *
     * @param times how many such limits refill at the same time
     */
    static long most(Limit limit, int times, List<Entry> entries) {
        if (limit instanceof TokenBucket) {
            return mostOfBucket(limit, times, entries);
        }
        long most = 0;
        long sum = 0;
        Deque<Entry> window = new ArrayDeque<>();
        for (Entry entry : entries) {
            while (!window.isEmpty() && !isSameWindow(limit, window.getFirst().micros(), entry.micros())) {
                sum -= window.removeFirst().permits();
            }
            window.addLast(entry);
            sum += entry.permits();
            most = Math.max(most, sum);
        }
        return most;
    }

    private static boolean isSameWindow(Limit limit, long earlier, long later) {
        return limit instanceof FixedWindow
                ? earlier / limit.periodMicros() == later / limit.periodMicros()
                : later - earlier < limit.periodMicros();
    }

    /** Counts in permits times the microseconds of the period, so that nothing is rounded. */
    private static long mostOfBucket(Limit limit, int times, List<Entry> entries) {
        long level = 0;
        long most = 0;
        long before = 0;
        for (Entry entry : entries) {
            long refilled = level == 0 ? 0 : Math.multiplyExact(entry.micros() - before, limit.permits() * times);
            level = Math.max(0, level - refilled) + entry.permits() * limit.periodMicros();
            before = entry.micros();
            most = Math.max(most, level);
        }
        return (most + limit.periodMicros() - 1) / limit.periodMicros();
    }
}
