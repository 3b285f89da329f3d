package io.github.micronautratelimit.limit;

import io.github.micronautratelimit.limit.FixedWindow.CalendarPeriod;
import java.time.Instant;
import java.time.LocalDate;
import java.time.YearMonth;
import java.time.temporal.ChronoField;
import org.jspecify.annotations.Nullable;

/**
 * The windows of a calendar period: their numbers, and their boundaries as instants.
 *
 * <p>A window starts at the first instant of its first day, and ends where the next one starts. Where clocks are set
 * back across midnight, some instants after the start of a day have the date of the day before. They belong to the
 * window that has started, so windows neither overlap nor come twice. A day that a time zone skips has a window without
 * an instant.
 *
 * <p>The time-zone rules are read once per window. The last window found is kept, and answers almost every call with
 * two comparisons. Safe for use by any number of threads, which at worst look a window up twice.
 */
final class CalendarWindows {

    private static final long SECOND_MICROS = 1_000_000;
    private static final long DAY_MICROS = 86_400 * SECOND_MICROS;
    /** Windows are numbered from the year 0, so that no number in use is negative. */
    private static final long EPOCH_DAY = 719_528;

    private static final int DAYS_PER_WEEK = 7;
    /** The weekday of the first day of the year 0, by {@link java.time.DayOfWeek#getValue()}. */
    private static final int FIRST_WEEKDAY = 6;

    private final CalendarPeriod period;
    /** A hint, which any thread replaces. The fields of a record are visible to every thread that sees it. */
    private @Nullable Window latest;

    /** A window from an instant to another, which is not part of it. */
    record Window(long number, long start, long end) {}

    CalendarWindows(CalendarPeriod period) {
        this.period = period;
    }

    CalendarPeriod period() {
        return period;
    }

    /** Returns the length of the longest window if clocks are never set. */
    long nominalMicros() {
        return DAY_MICROS
                * switch (period.unit()) {
                    case DAYS -> 1;
                    case WEEKS -> DAYS_PER_WEEK;
                    case MONTHS -> 31;
                    default -> 366;
                };
    }

    /** Returns more than the length of any window: clocks are set back by a day at most. */
    long longestMicros() {
        return nominalMicros() + 2 * DAY_MICROS;
    }

    /** Returns the window that contains an instant. */
    Window at(long micros) {
        Window known = latest;
        if (known != null && known.start <= micros && micros < known.end) {
            return known;
        }
        long number = number(dateAt(micros));
        long start = startOfDate(number);
        long end = startOfDate(number + 1);
        while (end <= micros) {
            number++;
            start = end;
            end = startOfDate(number + 1);
        }
        while (start > micros) {
            number--;
            end = start;
            start = startOfDate(number);
        }
        Window found = new Window(number, start, end);
        latest = found;
        return found;
    }

    /** Returns the start of the window of a number. */
    long startOf(long number) {
        Window known = latest;
        if (known != null && number == known.number) {
            return known.start;
        }
        return known != null && number == known.number + 1 ? known.end : startOfDate(number);
    }

    private LocalDate dateAt(long micros) {
        return LocalDate.ofInstant(Instant.ofEpochSecond(Math.floorDiv(micros, SECOND_MICROS)), period.zone());
    }

    private long startOfDate(long number) {
        return firstDate(number).atStartOfDay(period.zone()).toEpochSecond() * SECOND_MICROS;
    }

    /** Returns the number of the window whose dates include this one. */
    private long number(LocalDate date) {
        long day = date.toEpochDay() + EPOCH_DAY;
        return switch (period.unit()) {
            case DAYS -> day;
            case WEEKS -> Math.floorDiv(day - weekShift(), DAYS_PER_WEEK);
            case MONTHS -> monthOf(date) - (date.getDayOfMonth() < firstDay(YearMonth.from(date)) ? 1 : 0);
            default -> date.getYear() - (date.getMonthValue() < period.first() ? 1L : 0L);
        };
    }

    private LocalDate firstDate(long number) {
        return switch (period.unit()) {
            case DAYS -> LocalDate.ofEpochDay(number - EPOCH_DAY);
            case WEEKS -> LocalDate.ofEpochDay(number * DAYS_PER_WEEK + weekShift() - EPOCH_DAY);
            case MONTHS -> {
                YearMonth month = YearMonth.of(0, 1).plusMonths(number);
                yield month.atDay(firstDay(month));
            }
            default -> LocalDate.of((int) number, period.first(), 1);
        };
    }

    private static long monthOf(LocalDate date) {
        return date.getLong(ChronoField.PROLEPTIC_MONTH);
    }

    /** Returns the first day of the window that starts in a month: its last day if the month is too short. */
    private int firstDay(YearMonth month) {
        return Math.min(period.first(), month.lengthOfMonth());
    }

    /** Returns the days from the start of the year 0 to the first window in it. */
    private long weekShift() {
        return Math.floorMod(period.first() - FIRST_WEEKDAY, DAYS_PER_WEEK);
    }
}
