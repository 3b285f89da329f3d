package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The time that a denied caller is told to wait if the state was written by a clock that was ahead for a moment. */
class WaitTest {

    private static final long NOW = 1_700_000_000_300_123L;

    private static LimitState spent(List<Limit> limits, long at) {
        LimitState state = LimitState.carryOver(limits, null, at);
        return state.charge(state.remaining());
    }

    @ParameterizedTest
    @CsvSource({
        "60/min, 60000000",
        "10/min, 60000000",
        "5/s burst 20, 4000000",
        "1/min burst 100, 6000000000",
        "60/min sliding, 60937500",
        "60/min fixed, 60000000",
        "10/s; 60/min fixed, 60000000"
    })
    void waitIsAtMostWhatTheLimitsCanNeed(String text, long longest) {
        List<Limit> limits = Limit.parseAll(text);
        for (long ahead : new long[] {1, 500_000, 59_000_000, 3_600_000_000L, 31_000_000_000_000L}) {
            LimitState stored = spent(limits, NOW + ahead);
            LimitState seen = LimitState.carryOver(limits, stored, NOW);
            assertFalse(seen.admits(1));
            long capacity = limits.stream().mapToLong(Limit::capacity).min().orElseThrow();
            for (long permits : new long[] {1, capacity}) {
                long wait = seen.retryAfter(permits, NOW);
                assertTrue(wait > 0 && wait <= longest, () -> wait + " us for " + permits + " permits");
            }
            assertTrue(seen.resetAfter(NOW) <= longest, () -> seen.resetAfter(NOW) + " us");
            assertTrue(seen.expiresAfter(NOW) > ahead, "the store keeps the state until its own time has passed");
            assertFalse(seen.isBlank(NOW));
        }
    }

    @ParameterizedTest
    @CsvSource({"60/min, 1000000, 60000000", "5/s burst 20, 200000, 4000000"})
    void waitIsExactIfTheClockIsALittleBehind(String text, long one, long all) {
        List<Limit> limits = Limit.parseAll(text);
        LimitState seen = LimitState.carryOver(limits, spent(limits, NOW + 7), NOW);
        assertEquals(one + 7, seen.retryAfter(1, NOW));
        assertEquals(all, seen.resetAfter(NOW), "the bound");
        assertEquals(all + 7, seen.expiresAfter(NOW));
    }

    /** 100 spent permits need longer than a limit of 10 could ever need by itself. */
    @ParameterizedTest
    @CsvSource({"100/min, 10/min, 546000000, 600000000", "100/min burst 1000, 100/min, 540600000, 600000000"})
    void waitForPermitsSpentUnderALargerLimitIsNotCut(String large, String small, long one, long all) {
        List<Limit> limits = Limit.parseAll(small);
        LimitState seen = LimitState.carryOver(limits, spent(Limit.parseAll(large), NOW), NOW);
        assertEquals(one, seen.retryAfter(1, NOW));
        assertEquals(all, seen.resetAfter(NOW));
    }
}
