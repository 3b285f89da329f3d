package io.github.micronautratelimit.simulator.run;

import java.util.ArrayList;
import java.util.List;

/**
 * The limits that are tried on each key: round numbers per second, minute, hour and day. Each is a token bucket whose
 * burst is its number, which is what {@code 100/min} means.
 */
enum LimitSeries {
    SECOND("s", 1_000_000L, 1, 1_000),
    MINUTE("min", 60_000_000L, 1, 10_000),
    HOUR("h", 3_600_000_000L, 10, 100_000),
    DAY("day", 86_400_000_000L, 100, 1_000_000);

    /** The round numbers between 10 and 100; constants of the enum cannot be read by its constructor. */
    private static final class Round {
        private static final int[] NUMBERS = {10, 15, 20, 30, 50, 70};
    }

    private final String unit;
    private final long periodMicros;
    /** An array, because every request reads it; no code changes it. */
    @SuppressWarnings("ImmutableEnumChecker")
    private final long[] limits;

    LimitSeries(String unit, long periodMicros, long first, long last) {
        this.unit = unit;
        this.periodMicros = periodMicros;
        List<Long> numbers = new ArrayList<>();
        for (long decade = first; decade <= last; decade *= 10) {
            for (int round : Round.NUMBERS) {
                long number = decade * round;
                if (number % 10 == 0 && number / 10 <= last) {
                    numbers.add(number / 10);
                }
            }
        }
        this.limits = numbers.stream().mapToLong(Long::longValue).toArray();
    }

    /** Returns the unit, as limits write it. */
    String unit() {
        return unit;
    }

    long periodMicros() {
        return periodMicros;
    }

    int size() {
        return limits.length;
    }

    long limit(int step) {
        return limits[step];
    }

    /** Returns the text of a limit with a burst. */
    String text(int step, long burst) {
        return limits[step] + "/" + unit + (burst == limits[step] ? "" : " burst " + burst);
    }
}
