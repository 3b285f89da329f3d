package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.FixedWindow.CalendarPeriod;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.tck.GoldenTrace.Answer;
import io.github.micronautratelimit.tck.GoldenTrace.Operation;
import io.github.micronautratelimit.tck.GoldenTrace.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Makes a trace of random operations, with the answers of the exact model. */
final class RandomTrace {

    private static final int FIRST_LINE = 3;
    private static final Answer NONE = new Answer(false, 0, 0, 0);

    private final Random random;
    private final List<Limit> limits;
    private final boolean refundedAtExpiry;
    private final List<Row> rows = new ArrayList<>();
    /** The numbers of rows that may still be given back or settled. */
    private final List<Integer> charges = new ArrayList<>();

    private final List<Integer> reservations = new ArrayList<>();
    private long now;
    private long longestReservation = 60_000_000;

    private RandomTrace(Random random, List<Limit> limits, long begin) {
        this.random = random;
        this.limits = limits;
        this.refundedAtExpiry = random.nextInt(3) == 0;
        this.now = begin + random.nextLong(100_000_000);
    }

    static GoldenTrace of(String name, long seed, long begin, int length) {
        Random random = new Random(seed);
        return new RandomTrace(random, RandomLimits.of(random, 500_000, 40_000_000), begin).trace(name, length);
    }

    /** Makes a trace that meets the boundaries of the windows of the first limit, a calendar quota. */
    static GoldenTrace ofCalendar(String name, long seed, List<Limit> limits, long begin, int length) {
        RandomTrace trace = new RandomTrace(new Random(seed), limits, begin);
        trace.longestReservation = 86_400_000_000L;
        return trace.trace(name, length);
    }

    private GoldenTrace trace(String name, int length) {
        TraceModel model = new TraceModel(limits, refundedAtExpiry, now);
        int firstLine = refundedAtExpiry ? FIRST_LINE + 1 : FIRST_LINE;
        while (rows.size() < length) {
            now += gap();
            Row row = operation(firstLine + rows.size());
            Answer answer = model.execute(row);
            rows.add(new Row(row.line(), now, row.operation(), row.permits(), row.argument(), answer));
            if (answer.allowed() && row.operation() == Operation.ACQUIRE && row.permits() > 0) {
                charges.add(rows.size());
            } else if (answer.allowed() && row.operation() == Operation.RESERVE) {
                reservations.add(rows.size());
            }
        }
        return new GoldenTrace(name, limits, refundedAtExpiry, List.copyOf(rows));
    }

    /** Most operations follow each other at once; some after a good part of a period. */
    private long gap() {
        if (limits.get(0) instanceof FixedWindow window && window.calendar() != null) {
            return calendarGap(window.calendar(), window.periodMicros());
        }
        return switch (random.nextInt(8)) {
            case 0 -> random.nextLong(1, 30_000_000);
            case 1, 2 -> random.nextLong(1, 2_000_000);
            case 3 -> 1;
            default -> random.nextLong(0, 50_000);
        };
    }

    /** Steps to the end of a window, one microsecond before or after, within a day, and within a window. */
    private long calendarGap(CalendarPeriod calendar, long periodMicros) {
        long end = CalendarClock.windowAt(calendar, now).end();
        return switch (random.nextInt(12)) {
            case 0 -> Math.max(0, end - now + random.nextLong(-1, 2));
            case 1 -> random.nextLong(1, 90_000_000_000L);
            case 2 -> random.nextLong(1, periodMicros / 3);
            case 3 -> 1;
            default -> random.nextLong(0, 3_600_000_000L);
        };
    }

    private Row operation(int line) {
        long permits = random.nextInt(5) == 0 ? random.nextLong(0, 25) : random.nextLong(1, 4);
        return switch (random.nextInt(12)) {
            case 0, 1 -> charges.isEmpty()
                    ? row(line, Operation.ACQUIRE, permits, 0)
                    : row(line, Operation.REFUND, 0, take(charges));
            case 2, 3 -> row(line, Operation.RESERVE, permits, random.nextLong(1_000_000, longestReservation));
            case 4, 5 -> reservations.isEmpty()
                    ? row(line, Operation.RESERVE, permits, 1_000_000)
                    : row(line, Operation.SETTLE, permits, reservation());
            case 6 -> random.nextInt(6) == 0
                    ? row(line, Operation.BLOCK, 0, random.nextLong(1, 5_000_000))
                    : row(line, Operation.REFUND_LATEST, permits, 0);
            default -> row(line, Operation.ACQUIRE, permits, 0);
        };
    }

    private Row row(int line, Operation operation, long permits, long argument) {
        return new Row(line, now, operation, permits, argument, NONE);
    }

    private long take(List<Integer> numbers) {
        return numbers.remove(random.nextInt(numbers.size()));
    }

    /** One of four reservations is settled again later. */
    private long reservation() {
        return random.nextInt(4) == 0 ? reservations.get(random.nextInt(reservations.size())) : take(reservations);
    }
}
