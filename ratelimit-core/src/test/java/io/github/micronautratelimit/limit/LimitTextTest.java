package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LimitTextTest {

    private static final String EXAMPLE =
            "; write a limit like \"100/min\", \"5/s burst 20\", \"1000/h sliding\", \"10000/day fixed\" or \"5 concurrent\".";

    @Property
    void printedLimitsAreReadBack(@ForAll("limits") List<Limit> limits) {
        String text = String.join(";", limits.stream().map(Limit::toString).toList());
        assertEquals(limits, Limit.parseAll(text));
        assertEquals(limits, Limit.parseAll(" " + text.toUpperCase(Locale.ROOT).replace(";", " ;\t") + " "));
        assertEquals(limits.get(0), Limit.parse(limits.get(0).toString()));
    }

    @Provide
    Arbitrary<List<Limit>> limits() {
        Arbitrary<Long> permits = Arbitraries.longs().between(1, 1_000_000);
        Arbitrary<Long> periods = Arbitraries.oneOf(
                Arbitraries.longs().between(1, 31_622_400_000_000L),
                Arbitraries.longs().between(1, 366).map(days -> days * 86_400_000_000L),
                Arbitraries.longs().between(1, 10_000).map(seconds -> seconds * 1_000_000L));
        Arbitrary<Long> bursts = Arbitraries.longs().between(1, 100_000);
        Arbitrary<Limit> limits = Arbitraries.oneOf(
                Combinators.combine(bursts, periods).as((burst, period) -> new TokenBucket(burst, period, burst)),
                Combinators.combine(permits, periods, bursts).as(TokenBucket::new),
                Combinators.combine(permits, periods).as(SlidingWindow::new),
                Combinators.combine(permits, periods).as(FixedWindow::new));
        return limits.list().ofMinSize(1).ofMaxSize(4);
    }

    @ParameterizedTest
    @CsvSource({
        "100/min, 100/min",
        "100/MIN, 100/min",
        "100 / min, 100/min",
        "' 3  /  10  s ', 3/10s",
        "' 5 /  s  burst   20 ', 5/s burst 20",
        "' 5/s  sliding ', 5/s sliding",
        "100/m, 100/min",
        "100/60s, 100/min",
        "100/minute, 100/min",
        "3/10 s, 3/10s",
        "3/sec, 3/s",
        "3/second, 3/s",
        "3/2 seconds, 3/2s",
        "3/5minutes, 3/5min",
        "3/hour, 3/h",
        "3/2hours, 3/2h",
        "3/7days, 3/7day",
        "3/24h, 3/day",
        "3/d, 3/day",
        "3/366day, 3/366day",
        "3/1us, 3/us",
        "3/1000us, 3/ms",
        "3/1500ms, 3/1500ms",
        "007/s, 7/s",
        "5/s burst 5, 5/s",
        "5/s burst 20, 5/s burst 20",
        "5/s BURST20, 5/s burst 20",
        "5/s sliding, 5/s sliding",
        "5/day Fixed, 5/day fixed",
        "1000/month, 1000/month",
        "' 1000 /  MONTHS ', 1000/month",
        "1000/month UTC, 1000/month",
        "1000/month from 1, 1000/month",
        "1000/month from 31, 1000/month from 31",
        "1000/month from 05, 1000/month from 5",
        "1000/month From 31  europe/berlin, 1000/month from 31 Europe/Berlin",
        "1000/month Europe/Berlin from 31, 1000/month from 31 Europe/Berlin",
        "1/week from Monday, 1/week",
        "1/week from SUNDAY Asia/Kathmandu, 1/week from sunday Asia/Kathmandu",
        "12/year from april, 12/year from april",
        "12/years, 12/year",
        "10000/day Europe/Berlin, 10000/day Europe/Berlin",
        "10000/1 day Europe/Berlin, 10000/day Europe/Berlin",
        "10000/d utc, 10000/day UTC",
        "10000/day +05:45, 10000/day +05:45",
        "10000/day +00:00, 10000/day UTC",
        "10000/day America/Argentina/Buenos_Aires, 10000/day America/Argentina/Buenos_Aires",
        "1000000000000/s, 1000000000000/s"
    })
    void equalTextsPrintInTheShortestForm(String written, String printed) {
        assertEquals(printed, Limit.parse(written).toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``                     | a number of permits was expected at the end",
                "`  `                   | a number of permits was expected at the end",
                "100                    | '/' was expected at the end",
                "100/                   | one of the units us, ms, s, min, h, day, week, month, year was expected at the end",
                "/min                   | a number of permits was expected at character 1",
                "-1/s                   | a number of permits was expected at character 1",
                "1.5/s                  | '/' was expected at character 2",
                "10 s                   | '/' was expected at character 4",
                "10/10                  | one of the units us, ms, s, min, h, day, week, month, year was expected at the end",
                "10/fortnight           | one of the units us, ms, s, min, h, day, week, month, year was expected at character 4",
                "10/1.5s                | one of the units us, ms, s, min, h, day, week, month, year was expected at character 5",
                "10/s burst             | the burst, a number of permits, was expected at the end",
                "10/s burst -5          | the burst, a number of permits, was expected at character 12",
                "10/s slidng            | \"burst N\", \"sliding\" or \"fixed\" was expected at character 6",
                "10/s sliding burst 5   | nothing, or ';' and another limit, was expected at character 14",
                "10/s fixed sliding     | nothing, or ';' and another limit, was expected at character 12",
                "10/s, 5/min            | nothing, or ';' and another limit, was expected at character 5",
                "10/s;;5/min            | a number of permits was expected at character 6",
                "10/s;                  | a number of permits was expected at the end",
                "10/s; 5/min; x         | a number of permits was expected at character 14",
                "99999999999999999999/s | the number is too large at character 1",
                "1/99999999999999999999s | the number is too large at character 3",
                "10/s burst 99999999999999999999 | the number is too large at character 12",
                "0/s                    | the permits must be from 1 to 1000000000000 at character 1",
                "10/s; 1000000000001/s  | the permits must be from 1 to 1000000000000 at character 7",
                "10/s burst 0           | the burst must be from 1 to 1000000000000 at character 12",
                "10/0s                  | the period must be from 1us to 366day at character 4",
                "1/367day               | the period must be from 1us to 366day at character 3",
                "1/9000000000000000000h | the period must be from 1us to 366day at character 3",
                "7/366day burst 1000000000 | the numbers together are too fine to be counted exactly at character 1"
            })
    void malformedTextIsRejectedWithItsPositionAndAnExample(String text, String reason) {
        IllegalArgumentException rejected = assertThrows(IllegalArgumentException.class, () -> Limit.parseAll(text));
        assertEquals("\"" + text + "\": " + reason + EXAMPLE, rejected.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "1000/month from 0      | a month starts from a day, 1 to 31, at character 17",
                "1000/month from 32     | a month starts from a day, 1 to 31, at character 17",
                "1000/month from 1st    | a month starts from a day, 1 to 31, at character 17",
                "1000/month from        | a month starts from a day, 1 to 31, at the end",
                "1/week from funday     | a week starts from a day like \"monday\" at character 13",
                "1/week from 1          | a week starts from a day like \"monday\" at character 13",
                "1/year from 4          | a year starts from a month like \"april\" at character 13",
                "1/day from 6           | a day starts at midnight and has no \"from\" at character 12",
                "1/day Europe/Berln     | \"Europe/Berln\" is not a known time zone at character 7",
                "1/month Berlin         | \"Berlin\" is not a known time zone at character 9",
                "1/month +25:00         | \"+25:00\" is not a known time zone at character 9",
                "1/month sliding        | \"sliding\" does not go with a calendar quota, which is a fixed window at character 9",
                "1/month burst 5        | \"burst\" does not go with a calendar quota, which is a fixed window at character 9",
                "1/month fixed          | \"fixed\" does not go with a calendar quota, which is a fixed window at character 9",
                "1/day UTC sliding      | \"sliding\" does not go with a calendar quota, which is a fixed window at character 11",
                "1/month UTC UTC        | nothing, or ';' and another limit, was expected at character 13",
                "1/month from 2 from 3  | \"from\" is not a known time zone at character 16",
                "1/2month               | \"month\" is a calendar period, which follows a '/' and has no number, at character 4",
                "1/1 weeks              | \"weeks\" is a calendar period, which follows a '/' and has no number, at character 5"
            })
    void malformedCalendarQuotaIsRejectedWithItsPositionAndAnExample(String text, String reason) {
        IllegalArgumentException rejected = assertThrows(IllegalArgumentException.class, () -> Limit.parseAll(text));
        assertEquals("\"" + text + "\": " + reason + CalendarText.EXAMPLE, rejected.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"10/h Europe/Berlin", "10/2day Europe/Berlin", "10/24h UTC", "10/h from 5"})
    void calendarOptionOfAPlainPeriodIsRejected(String text) {
        IllegalArgumentException rejected = assertThrows(IllegalArgumentException.class, () -> Limit.parseAll(text));
        String option = text.split(" ")[1];
        assertEquals(
                "\"" + text + "\": \"" + option + "\" goes with one day, week, month or year at character "
                        + (text.indexOf(option) + 1) + EXAMPLE,
                rejected.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"10/day", "10/day burst 5", "10/day sliding", "10/day fixed", "10/7day", "10/24h fixed"})
    void plainDayStaysAPeriodOf24Hours(String text) {
        Limit limit = Limit.parse(text);
        assertEquals(0, limit.periodMicros() % 86_400_000_000L);
        assertTrue(!(limit instanceof FixedWindow window) || window.calendar() == null);
    }

    @Test
    void controlCharactersAreNotShown() {
        IllegalArgumentException rejected =
                assertThrows(IllegalArgumentException.class, () -> Limit.parse("1\u0000\u001b[31m/s"));
        assertEquals("\"1??[31m/s\": '/' was expected at character 2" + EXAMPLE, rejected.getMessage());
    }

    @Test
    void longTextIsShortened() {
        IllegalArgumentException rejected =
                assertThrows(IllegalArgumentException.class, () -> Limit.parse("y".repeat(1_000_000)));
        assertEquals(
                "\"" + "y".repeat(80) + "...\": a number of permits was expected at character 1" + EXAMPLE,
                rejected.getMessage());
    }

    @Test
    void severalLimitsAreRejectedWhereOneIsExpected() {
        IllegalArgumentException rejected =
                assertThrows(IllegalArgumentException.class, () -> Limit.parse("1/s; 2/min"));
        assertEquals("\"1/s; 2/min\" holds 2 limits where one is expected" + EXAMPLE, rejected.getMessage());
    }

    @Test
    void periodIsADurationAndCapacityThePermitsOrTheBurst() {
        assertEquals(Duration.ofMillis(1500), Limit.parse("3/1500ms").period());
        assertEquals(Limit.MAX_PERIOD, Limit.parse("3/366day").period());
        assertEquals(Duration.ofNanos(1000), Limit.parse("3/us sliding").period());
        assertEquals(20, Limit.parse("5/s burst 20").capacity());
        assertEquals(5, Limit.parse("5/s fixed").capacity());
    }
}
