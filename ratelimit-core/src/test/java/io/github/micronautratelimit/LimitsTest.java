package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LimitsTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            5 concurrent                     | 5 concurrent
            1000000 CONCURRENT               | 1000000 concurrent
            5 concurrent lease 30s           | 5 concurrent
            5 concurrent lease 10 s          | 5 concurrent lease 10s
            5 concurrent lease min           | 5 concurrent lease min
            1 concurrent lease 1500ms        | 1 concurrent lease 1500ms
            10/min; 5 concurrent             | 10/min; 5 concurrent
            5 concurrent; 10/min; 3/s fixed  | 10/min; 3/s fixed; 5 concurrent
            """)
    void whatIsReadIsPrinted(String text, String printed) {
        Limits limits = Limits.parse(text);
        assertEquals(printed, limits.toString());
        assertEquals(limits, Limits.parse(printed));
    }

    @Test
    void aLeaseLasts30SecondsUnlessItIsWritten() {
        assertEquals(new Limits(List.of(), new ConcurrencyLimit(5, 30_000_000)), Limits.parse("5 concurrent"));
        assertEquals(Duration.ofMinutes(1), new ConcurrencyLimit(5, 60_000_000).lease());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            0 concurrent                | the permits must be from 1 to 1000000000000 at character 1
            1000001 concurrent          | the places must be from 1 to 1000000 at character 1
            5 concurent                 | '/' was expected at character 3
            5 concurrent 10s            | nothing, or ';' and another limit, was expected at character 14
            5 concurrent least 10s      | nothing or "lease" and a time was expected at character 14
            5 concurrent lease          | one of the units us, ms, s, min, h, day was expected at the end
            5 concurrent lease 999ms    | the lease must be from 1s to 1day at character 20
            5 concurrent lease 2days     | the lease must be from 1s to 1day at character 20
            5 concurrent lease 25h      | the lease must be from 1s to 1day at character 20
            """)
    void wrongTextsAreRefusedInOneSentence(String text, String reason) {
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> Limits.parse(text));
        assertTrue(refused.getMessage().startsWith("\"" + text + "\": " + reason + "; write a limit like "),
                refused.getMessage());
    }

    @Test
    void thereIsAtMostOneConcurrencyLimit() {
        String refusal = "\"5 concurrent; 6 concurrent\" holds two concurrency limits where the lower would hold for both; "
                + "write one, like \"5 concurrent\".";
        assertEquals(refusal, assertThrows(IllegalArgumentException.class,
                () -> Limits.parse("5 concurrent; 6 concurrent")).getMessage());
        assertEquals(refusal, assertThrows(IllegalArgumentException.class,
                () -> Limits.parseAll(List.of("5 concurrent", "6 concurrent"))).getMessage());
    }

    @Test
    void whereOnlyRatesCanBeAConcurrencyLimitIsRefused() {
        assertEquals("\"1/s; 5 concurrent\": \"5 concurrent\" limits how many at once where only limits on how often can be; "
                + "write limits like \"100/min\".", assertThrows(IllegalArgumentException.class,
                () -> Limit.parseAll("1/s; 5 concurrent")).getMessage());
        assertThrows(IllegalArgumentException.class, () -> Limit.parse("5 concurrent"));
    }

    @Test
    void aPolicyOfBothIsSplitInTwo() {
        Policy both = Policy.of("p", "10/min; 5 concurrent");
        assertEquals(Policy.of("p", "10/min"), both.ratesOnly());
        assertEquals(Policy.of("p", "5 concurrent"), both.concurrencyOnly());
        assertEquals(Policy.of("p", "20/min; 5 concurrent"), both.withLimits(Limits.parse("20/min")));
        assertEquals(Policy.of("p", "10/min; 6 concurrent"), both.withLimits(Limits.parse("6 concurrent")));
        assertEquals(5, Policy.of("p", "5 concurrent").capacity());
    }

    @Test
    void aPolicyOfPlacesAloneIsNotAskedForPermits() {
        Policy places = Policy.of("p", "5 concurrent");
        RateLimiter limiter = RateLimiter.inMemory();
        String refusal = "The policy \"p\" limits only how many at once, 5 concurrent; ask for a lease, which is held and "
                + "closed.";
        assertEquals(refusal, assertThrows(IllegalArgumentException.class,
                () -> limiter.acquire(places, "key")).getMessage());
        List<Ask> asks = List.of(new Ask(Policy.of("q", "1/s"), "key", 1), new Ask(places, "key", 1));
        assertEquals(refusal, assertThrows(IllegalArgumentException.class, () -> limiter.acquireAll(asks)).getMessage());
    }
}
