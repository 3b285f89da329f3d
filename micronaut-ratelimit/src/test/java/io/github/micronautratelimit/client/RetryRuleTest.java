package io.github.micronautratelimit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The delay before a repetition, and the answers after which there is one. */
class RetryRuleTest {

    @ParameterizedTest
    @CsvSource({"0, 100", "1, 200", "2, 400", "6, 6400", "7, 10000", "10, 10000", "1000, 10000"})
    void boundOfDelayDoublesUpToTenSeconds(int repeated, long millis) {
        assertEquals(0, RetryRule.delayNanos(repeated, 0));
        assertEquals(millis * 500_000, RetryRule.delayNanos(repeated, 0.5));
        assertEquals(millis * 1_000_000, RetryRule.delayNanos(repeated, 1));
    }

    @Test
    void onlyAnswersThatMayChangeAreRepeated() {
        for (int status = 100; status < 600; status++) {
            boolean expected = status == 429 || status == 502 || status == 503 || status == 504;
            assertEquals(expected, RetryRule.isTransient(status));
        }
        assertTrue(RetryRule.isTransient(429));
    }
}
