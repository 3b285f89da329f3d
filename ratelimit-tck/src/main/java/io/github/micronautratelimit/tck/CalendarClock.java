package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.limit.FixedWindow.CalendarPeriod;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Finds the windows of a calendar quota by looking at a calendar and at a clock on the wall, minute by minute. Slow,
 * and without any arithmetic of the core.
 */
final class CalendarClock {

    private static final long MINUTE_MICROS = 60_000_000;

    private static final Map<Midnight, Long> KNOWN = new ConcurrentHashMap<>();

    private record Midnight(LocalDate date, ZoneId zone) {}

    /** A window from an instant to another, in microseconds since the epoch. */
    record Window(long start, long end) {}

    private CalendarClock() {}

    /** Returns the window that contains an instant. */
    static Window windowAt(CalendarPeriod period, long micros) {
        LocalDate date = dateAt(micros, period.zone()).plusDays(2);
        long end = firstInstantOf(date, period.zone());
        while (true) {
            do {
                date = date.minusDays(1);
            } while (!starts(period, date));
            long start = firstInstantOf(date, period.zone());
            if (start <= micros && end > micros) {
                return new Window(start, next(period, micros));
            }
            end = start;
        }
    }

    private static long next(CalendarPeriod period, long micros) {
        LocalDate date = dateAt(micros, period.zone()).minusDays(1);
        while (!starts(period, date) || firstInstantOf(date, period.zone()) <= micros) {
            date = date.plusDays(1);
        }
        return firstInstantOf(date, period.zone());
    }

    private static LocalDate dateAt(long micros, ZoneId zone) {
        return LocalDate.ofInstant(Instant.EPOCH.plus(micros, ChronoUnit.MICROS), zone);
    }

    private static boolean starts(CalendarPeriod period, LocalDate date) {
        return switch (period.unit()) {
            case DAYS -> true;
            case WEEKS -> date.getDayOfWeek().getValue() == period.first();
            case MONTHS -> date.getDayOfMonth() == Math.min(period.first(), date.lengthOfMonth());
            default -> date.getDayOfMonth() == 1 && date.getMonthValue() == period.first();
        };
    }

    /** Returns the first instant at which a clock shows this date or a later one. */
    private static long firstInstantOf(LocalDate date, ZoneId zone) {
        return KNOWN.computeIfAbsent(new Midnight(date, zone), midnight -> {
            Instant early = date.minusDays(2).atStartOfDay().toInstant(ZoneOffset.UTC);
            long at = ChronoUnit.MICROS.between(Instant.EPOCH, early);
            while (dateAt(at, zone).isBefore(date)) {
                at += MINUTE_MICROS;
            }
            return at;
        });
    }
}
