package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LimitSetTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
            5 concurrent                     | 5 concurrent
            1000000 CONCURRENT               | 1000000 concurrent
            5 concurrent lease 30s           | 5 concurrent
            5 concurrent lease 10 s          | 5 concurrent lease 10s
            5 concurrent lease min           | 5 concurrent lease 1min
            1 concurrent lease 1500ms        | 1 concurrent lease 1500ms
            10/min; 5 concurrent             | 10/min; 5 concurrent
            5 concurrent; 10/min; 3/s fixed  | 10/min; 3/s fixed; 5 concurrent
            """)
    void parsedLimitsPrintAsTheirText(String text, String printed) {
        LimitSet limits = LimitSet.parse(text);
        assertEquals(printed, limits.toString());
        assertEquals(limits, LimitSet.parse(printed));
    }

    @Test
    void numberOfRateLimitsIsBounded() {
        List<String> texts = IntStream.rangeClosed(1, 17)
                .mapToObj(hours -> "9/" + hours + "h sliding")
                .toList();
        String most = String.join("; ", texts.subList(0, 16)) + "; 5 concurrent";
        assertEquals(16, LimitSet.parse(most).rateLimits().size());
        assertEquals(16, LimitSet.parseAll(texts.subList(0, 16)).rateLimits().size());
        String message = "17 rate limits, the first of which is \"9/h sliding\", would be checked in one step while "
                + "other requests wait; write at most 16.";
        assertEquals(
                message,
                assertThrows(IllegalArgumentException.class, () -> LimitSet.parse(String.join("; ", texts)))
                        .getMessage());
        assertEquals(
                message,
                assertThrows(IllegalArgumentException.class, () -> LimitSet.parseAll(texts))
                        .getMessage());
    }

    @Test
    void leaseLasts30SecondsByDefault() {
        assertEquals(new LimitSet(List.of(), new ConcurrencyLimit(5, 30_000_000)), LimitSet.parse("5 concurrent"));
        assertEquals(Duration.ofMinutes(1), new ConcurrencyLimit(5, 60_000_000).lease());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            0 concurrent                | the permits must be from 1 to 1000000000000 at character 1
            1000001 concurrent          | the slots must be from 1 to 1000000 at character 1
            5 concurent                 | '/' was expected at character 3
            5 concurrent 10s            | nothing, or ';' and another limit, was expected at character 14
            5 concurrent least 10s      | nothing or "lease" and a time was expected at character 14
            5 concurrent lease          | one of the units us, ms, s, min, h, day was expected at the end
            5 concurrent lease 1week    | one of the units us, ms, s, min, h, day was expected at character 21
            5 concurrent lease 999ms    | the lease must be from 1s to 1day at character 20
            5 concurrent lease 2days     | the lease must be from 1s to 1day at character 20
            5 concurrent lease 25h      | the lease must be from 1s to 1day at character 20
            """)
    void malformedTextIsRejectedInOneSentence(String text, String reason) {
        IllegalArgumentException rejected = assertThrows(IllegalArgumentException.class, () -> LimitSet.parse(text));
        assertTrue(
                rejected.getMessage().startsWith("\"" + text + "\": " + reason + "; write a limit like "),
                rejected.getMessage());
    }

    @Test
    void secondConcurrencyLimitIsRejected() {
        String message =
                "\"5 concurrent; 6 concurrent\" contains two concurrency limits, of which only the lower would have an "
                        + "effect; write one, like \"5 concurrent\".";
        assertEquals(
                message,
                assertThrows(IllegalArgumentException.class, () -> LimitSet.parse("5 concurrent; 6 concurrent"))
                        .getMessage());
        assertEquals(
                message,
                assertThrows(
                                IllegalArgumentException.class,
                                () -> LimitSet.parseAll(List.of("5 concurrent", "6 concurrent")))
                        .getMessage());
    }

    @Test
    void concurrencyLimitIsRejectedWhereOnlyRateLimitsAreExpected() {
        assertEquals(
                "\"1/s; 5 concurrent\": \"5 concurrent\" is a concurrency limit where only rate limits are allowed; write "
                        + "limits like \"100/min\".",
                assertThrows(IllegalArgumentException.class, () -> Limit.parseAll("1/s; 5 concurrent"))
                        .getMessage());
        assertThrows(IllegalArgumentException.class, () -> Limit.parse("5 concurrent"));
    }
}
