package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.limit.FixedWindow.CalendarPeriod;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.Month;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.time.temporal.TemporalAdjusters;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The windows of calendar quotas, compared with what calendars and clocks show. */
class CalendarWindowsTest {

    /** Clocks change at midnight, across midnight, by 30 minutes, by 24 hours, twice a year, or never. */
    private static final List<String> ZONES = List.of(
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kathmandu",
            "Asia/Kolkata",
            "America/Sao_Paulo",
            "Africa/Cairo",
            "America/St_Johns",
            "America/Havana",
            "Asia/Beirut",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Pacific/Kwajalein",
            "Pacific/Kiritimati",
            "Africa/Casablanca",
            "Antarctica/Troll",
            "Asia/Gaza",
            "+05:45",
            "-12:00");

    private static final long FIRST = micros("1965-01-01T00:00:00Z");
    private static final long LAST = micros("2040-01-01T00:00:00Z");

    private static long micros(String instant) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.parse(instant));
    }

    private static Instant instant(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }

    private static FixedWindow limit(String text) {
        return (FixedWindow) Limit.parse(text);
    }

    @ParameterizedTest
    @CsvSource({
        // Days of 23 and 25 hours.
        "10/day Europe/Berlin, 2025-03-30T00:30:00Z, 2025-03-29T23:00:00Z, 2025-03-30T22:00:00Z",
        "10/day Europe/Berlin, 2025-10-26T00:30:00Z, 2025-10-25T22:00:00Z, 2025-10-26T23:00:00Z",
        "10/day America/New_York, 2025-03-09T12:00:00Z, 2025-03-09T05:00:00Z, 2025-03-10T04:00:00Z",
        "10/day Australia/Lord_Howe, 2025-04-05T18:00:00Z, 2025-04-05T13:00:00Z, 2025-04-06T13:30:00Z",
        "10/day Asia/Kathmandu, 2026-01-01T18:14:59Z, 2025-12-31T18:15:00Z, 2026-01-01T18:15:00Z",
        "10/day Asia/Kathmandu, 2026-01-01T18:15:00Z, 2026-01-01T18:15:00Z, 2026-01-02T18:15:00Z",
        // No midnight: the day starts at one.
        "10/day America/Sao_Paulo, 2018-11-04T12:00:00Z, 2018-11-04T03:00:00Z, 2018-11-05T02:00:00Z",
        "10/day Africa/Cairo, 2010-04-30T12:00:00Z, 2010-04-29T22:00:00Z, 2010-04-30T21:00:00Z",
        // Midnight is set back to 23 h: the day has 25 hours.
        "10/day America/Sao_Paulo, 2018-02-18T02:30:00Z, 2018-02-17T02:00:00Z, 2018-02-18T03:00:00Z",
        // One minute past midnight is set back to 23:01: the new day stays begun.
        "10/day America/St_Johns, 2010-11-07T03:00:00Z, 2010-11-07T02:30:00Z, 2010-11-08T03:30:00Z",
        // The date line: 30 December 2011 did not exist.
        "10/day Pacific/Apia, 2011-12-30T09:59:59Z, 2011-12-29T10:00:00Z, 2011-12-30T10:00:00Z",
        "10/day Pacific/Apia, 2011-12-30T10:00:00Z, 2011-12-30T10:00:00Z, 2011-12-31T10:00:00Z",
        "10/week, 2026-01-04T23:59:59Z, 2025-12-29T00:00:00Z, 2026-01-05T00:00:00Z",
        "10/week from sunday, 2026-01-04T00:00:00Z, 2026-01-04T00:00:00Z, 2026-01-11T00:00:00Z",
        "10/week from saturday Europe/Berlin, 2025-03-30T10:00:00Z, 2025-03-28T23:00:00Z, 2025-04-04T22:00:00Z",
        "10/month, 2026-02-28T23:59:59Z, 2026-02-01T00:00:00Z, 2026-03-01T00:00:00Z",
        "10/month, 2028-02-29T23:59:59Z, 2028-02-01T00:00:00Z, 2028-03-01T00:00:00Z",
        "10/month from 31, 2026-02-27T12:00:00Z, 2026-01-31T00:00:00Z, 2026-02-28T00:00:00Z",
        "10/month from 31, 2026-02-28T00:00:00Z, 2026-02-28T00:00:00Z, 2026-03-31T00:00:00Z",
        "10/month from 31, 2028-02-28T12:00:00Z, 2028-01-31T00:00:00Z, 2028-02-29T00:00:00Z",
        "10/month from 30 Europe/Berlin, 2025-03-30T23:00:00Z, 2025-03-29T23:00:00Z, 2025-04-29T22:00:00Z",
        "10/year, 2026-06-01T00:00:00Z, 2026-01-01T00:00:00Z, 2027-01-01T00:00:00Z",
        "10/year from april Asia/Kolkata, 2026-03-31T18:29:59Z, 2025-03-31T18:30:00Z, 2026-03-31T18:30:00Z",
        "10/month, 1969-12-31T23:00:00Z, 1969-12-01T00:00:00Z, 1970-01-01T00:00:00Z"
    })
    void windowStartsAndEndsWithTheCalendar(String text, String now, String start, String end) {
        FixedWindow limit = limit(text);
        long window = limit.windowAt(micros(now));
        assertEquals(Instant.parse(start), instant(limit.startOf(window)));
        assertEquals(Instant.parse(end), instant(limit.startOf(window + 1)));
        assertTrue(window >= 0, "numbers are not negative");
    }

    @Provide
    Arbitrary<FixedWindow> quotas() {
        Arbitrary<CalendarPeriod> periods = Combinators.combine(
                        Arbitraries.of(ChronoUnit.DAYS, ChronoUnit.WEEKS, ChronoUnit.MONTHS, ChronoUnit.YEARS),
                        Arbitraries.integers().between(1, 31),
                        Arbitraries.of(ZONES))
                .as((unit, first, zone) -> new CalendarPeriod(
                        unit,
                        switch (unit) {
                            case DAYS -> 1;
                            case WEEKS -> first % 7 + 1;
                            case MONTHS -> first;
                            default -> first % 12 + 1;
                        },
                        ZoneId.of(zone)));
        return Combinators.combine(Arbitraries.longs().between(1, Limit.MAX_PERMITS), periods)
                .as(FixedWindow::new);
    }

    /** Returns the first instant at which the clock of a zone shows a date or a later one, by looking each minute. */
    private static long firstInstantOf(LocalDate date, ZoneId zone) {
        Instant at = date.minusDays(2).atStartOfDay(ZoneId.of("UTC")).toInstant();
        while (LocalDate.ofInstant(at, zone).isBefore(date)) {
            at = at.plusSeconds(60);
        }
        return ChronoUnit.MICROS.between(Instant.EPOCH, at);
    }

    /** Returns the last day of a calendar that starts a window and is not after a date. */
    private static LocalDate startBefore(CalendarPeriod period, LocalDate date) {
        LocalDate day = date;
        while (!starts(period, day)) {
            day = day.minusDays(1);
        }
        return day;
    }

    private static boolean starts(CalendarPeriod period, LocalDate day) {
        return switch (period.unit()) {
            case DAYS -> true;
            case WEEKS -> day.getDayOfWeek() == DayOfWeek.of(period.first());
            case MONTHS -> day.getDayOfMonth() == period.first()
                    || day.getDayOfMonth() < period.first() && day.equals(day.with(TemporalAdjusters.lastDayOfMonth()));
            default -> day.getDayOfMonth() == 1 && day.getMonthValue() == period.first();
        };
    }

    @Property(tries = 400)
    void windowsAreThoseOfAClockThatIsLookedAtEachMinute(
            @ForAll("quotas") FixedWindow limit, @ForAll("instants") long now) {
        CalendarPeriod period = limit.calendar();
        ZoneId zone = period.zone();
        LocalDate date = LocalDate.ofInstant(instant(now), zone);
        LocalDate start = startBefore(period, date.plusDays(1));
        while (firstInstantOf(start, zone) > now) {
            start = startBefore(period, start.minusDays(1));
        }
        LocalDate next = start.plusDays(1);
        while (!starts(period, next) || firstInstantOf(next, zone) <= now) {
            next = next.plusDays(1);
        }
        long window = limit.windowAt(now);
        assertEquals(instant(firstInstantOf(next, zone)), instant(limit.startOf(window + 1)));
        assertTrue(limit.startOf(window) <= now, "the window has begun");
        assertEquals(instant(firstInstantOf(start, zone)), instant(limit.startOf(window)));
    }

    @Provide
    Arbitrary<Long> instants() {
        return Arbitraries.longs().between(FIRST, LAST);
    }

    /** Windows follow each other without a gap, for an object that has just been made and for one that remembers. */
    @Property
    void windowsDivideTimeAndAreNumberedInOrder(
            @ForAll("quotas") FixedWindow limit,
            @ForAll("instants") long now,
            @ForAll @LongRange(min = -400, max = 400) long hours) {
        long window = limit.windowAt(now);
        long start = limit.startOf(window);
        long end = limit.startOf(window + 1);
        assertTrue(start <= now && now < end);
        assertTrue(end - start <= limit.longestResetMicros());
        assertEquals(window, limit.windowAt(start));
        assertEquals(window, limit.windowAt(end - 1));
        assertTrue(limit.windowAt(end) > window);
        FixedWindow other = new FixedWindow(limit.permits(), limit.calendar());
        long later = now + hours * 3_600_000_000L;
        assertEquals(other.windowAt(later), limit.windowAt(later));
        assertEquals(start, other.startOf(window));
        assertEquals(end, other.startOf(window + 1));
        assertTrue(Long.signum(hours) * Long.compare(limit.windowAt(later), window) >= 0);
    }

    @Property
    void printedQuotasAreReadBack(@ForAll("quotas") FixedWindow limit) {
        assertEquals(limit, Limit.parse(limit.toString()));
        assertEquals(limit, Limit.parse(limit.toString().toLowerCase(java.util.Locale.ROOT)));
        assertEquals(limit.toString(), Limit.parse(limit.toString()).toString());
        assertEquals(List.of(limit), StateCodec.readLimits(StateCodec.write(List.of((Limit) limit))));
    }

    @ParameterizedTest
    @ValueSource(strings = {"1000/month Europe/Berlin", "1000/day Asia/Kathmandu", "1000/week", "1000/year from july"})
    void quotaIsExactAtItsBoundary(String text) {
        FixedWindow limit = limit(text);
        long end = limit.startOf(limit.windowAt(micros("2026-03-20T10:00:00Z")) + 1);
        LimitState spent = limit.stateAt(null, end - 1).charge(1000);
        assertEquals(1, spent.retryAfter(1, end - 1));
        assertEquals(1, spent.resetAfter(end - 1));
        assertEquals(0, limit.stateAt(spent, end - 1).remaining());
        assertEquals(1000, limit.stateAt(spent, end).remaining());
        assertEquals(LimitState.NEVER, spent.retryAfter(1001, end - 1));
        assertEquals(0, limit.stateAt(spent, end).resetAfter(end));
    }

    @Test
    void waitAcrossAChangeOfClocksIsExact() {
        FixedWindow limit = limit("5/day Europe/Berlin");
        long midnight = micros("2026-03-28T23:00:00Z");
        LimitState state = limit.stateAt(null, midnight).charge(5);
        assertEquals(Duration.ofHours(23).toNanos() / 1000, state.retryAfter(1, midnight));
        long autumn = micros("2026-10-24T22:00:00Z");
        assertEquals(
                Duration.ofHours(25).toNanos() / 1000,
                limit.stateAt(null, autumn).charge(1).resetAfter(autumn));
    }

    @Test
    void refundCountsOnlyInTheWindowOfItsCharge() {
        FixedWindow limit = limit("100/month from 31 Europe/Berlin");
        long boundary = micros("2026-02-27T23:00:00Z");
        LimitState before = limit.stateAt(null, boundary - 1).charge(40);
        assertEquals(100, before.refund(40, boundary - 1).remaining());
        LimitState after = limit.stateAt(before, boundary).charge(10);
        assertEquals(90, after.refund(40, boundary - 1).remaining());
        assertEquals(95, after.refund(5, boundary).remaining());
        assertEquals(100, after.refund(50, LimitState.LATEST).remaining());
    }

    @ParameterizedTest
    @CsvSource({
        "100/month, 50/month, 30",
        "100/month, 100/month from 2, 100",
        "100/month, 100/month Europe/London, 100",
        "100/month, 100/week, 100",
        "100/month, 100/31day fixed, 100",
        "100/day UTC, 100/day fixed, 100",
        "100/day fixed, 100/day UTC, 100",
        "100/day UTC, 100/day, 100"
    })
    void changedCalendarStartsAfreshAndChangedPermitsDoNot(String before, String after, long remaining) {
        long now = micros("2026-01-15T10:00:00Z");
        @Nullable LimitState spent = limit(before).stateAt(null, now).charge(20);
        assertEquals(remaining, Limit.parse(after).stateAt(spent, now).remaining());
        assertEquals(
                remaining,
                Limit.parse(after)
                        .stateAt(StateCodec.readState(StateCodec.write(spent)), now)
                        .remaining());
    }

    @Test
    void usageNamesTheEndOfTheWindowEvenIfNothingIsUsed() {
        long now = micros("2026-02-10T10:00:00Z");
        List<Limit> limits = Limit.parseAll("1000/month; 10/min; 5/h sliding; 7/day fixed");
        LimitState empty = LimitState.carryOver(limits, null, now);
        assertEquals(
                List.of(
                        new Limit.Usage(limits.get(0), 0, 1000, Instant.parse("2026-03-01T00:00:00Z"), false),
                        new Limit.Usage(limits.get(1), 0, 10, instant(now), false),
                        new Limit.Usage(limits.get(2), 0, 5, instant(now), false),
                        new Limit.Usage(limits.get(3), 0, 7, Instant.parse("2026-02-11T00:00:00Z"), false)),
                empty.usage(now));
        LimitState beyond = LimitState.carryOver(limits, empty.charge(3).chargeBeyond(6, 10), now + 1);
        List<Limit.Usage> usage = beyond.blockedUntil(now + 100).usage(now + 1);
        assertEquals(
                List.of(9L, 9L, 9L, 9L), usage.stream().map(Limit.Usage::used).toList());
        assertEquals(
                List.of(991L, 1L, 0L, 0L),
                usage.stream().map(Limit.Usage::remaining).toList());
        assertEquals(Instant.parse("2026-03-01T00:00:00Z"), usage.get(0).resetsAt());
    }

    @Test
    void statesWithABlockAndReservationsAreReadBack() {
        long now = micros("2026-02-10T10:00:00Z");
        List<Limit> limits = Limit.parseAll("1000/month from 31 Europe/Berlin; 10/min");
        java.util.UUID id = new java.util.UUID(1, 2);
        LimitState state = LimitState.carryOver(limits, null, now)
                .reserve(id, 3, now, now + 1_000_000, false)
                .blockedUntil(now + 500_000);
        LimitState read = StateCodec.readState(StateCodec.write(state));
        assertEquals(1, read.reservations());
        assertEquals(now, read.reservedAt(id));
        assertEquals(Decision.peek(state, 5, now), Decision.peek(LimitState.carryOver(limits, read, now), 5, now));
        assertEquals(
                3,
                LimitState.carryOver(limits, read, now + 600_000)
                        .usage(now)
                        .get(0)
                        .used());
    }

    @Test
    void unknownTimeZoneOfAnotherRuntimeIsRejected() {
        byte[] bytes = StateCodec.write(List.of(Limit.parse("1/day Europe/Berlin")));
        bytes[bytes.length - 1] = 'm';
        assertEquals(
                "The time zone \"Europe/Berlim\" of a calendar quota is not known to this Java runtime, whose time-zone "
                        + "rules are older than those of another instance; update it.",
                assertThrows(IllegalArgumentException.class, () -> StateCodec.readLimits(bytes))
                        .getMessage());
    }

    @Test
    void factoriesMakeTheSameQuotasAsTexts() {
        ZoneId berlin = ZoneId.of("Europe/Berlin");
        assertEquals(limit("5/day Europe/Berlin"), Limit.fixedWindow(5, CalendarPeriod.daily(berlin)));
        assertEquals(
                limit("5/week from friday Europe/Berlin"),
                Limit.fixedWindow(5, CalendarPeriod.weekly(DayOfWeek.FRIDAY, berlin)));
        assertEquals(limit("5/month from 31"), Limit.fixedWindow(5, CalendarPeriod.monthly(31, ZoneId.of("Z"))));
        assertEquals(
                limit("5/year from april"), Limit.fixedWindow(5, CalendarPeriod.yearly(Month.APRIL, ZoneId.of("UTC"))));
        for (int day : new int[] {0, 32}) {
            assertThrows(IllegalArgumentException.class, () -> CalendarPeriod.monthly(day, berlin));
        }
        assertThrows(IllegalArgumentException.class, () -> new CalendarPeriod(ChronoUnit.HOURS, 1, berlin));
    }
}
