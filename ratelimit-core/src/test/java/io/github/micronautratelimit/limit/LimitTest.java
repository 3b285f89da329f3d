package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Limits made from numbers and durations. */
class LimitTest {

    private static final List<Function<Duration, Limit>> FACTORIES = List.of(
            period -> Limit.tokenBucket(7, period),
            period -> Limit.tokenBucket(7, period, 9),
            period -> Limit.slidingWindow(7, period),
            period -> Limit.fixedWindow(7, period));

    private static void assertRejected(String message, Executable making) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, making).getMessage());
    }

    @Test
    void factoriesMakeTheLimitsOfTheTextForm() {
        Duration minute = Duration.ofMinutes(1);
        assertEquals(Limit.parse("100/min"), Limit.tokenBucket(100, minute));
        assertEquals(Limit.parse("5/s burst 20"), Limit.tokenBucket(5, Duration.ofSeconds(1), 20));
        assertEquals(Limit.parse("1000/h sliding"), Limit.slidingWindow(1000, Duration.ofHours(1)));
        assertEquals(Limit.parse("10000/day fixed"), Limit.fixedWindow(10_000, Duration.ofDays(1)));
        assertEquals(Limit.parse("3/1500ms"), Limit.tokenBucket(3, Duration.ofMillis(1500)));
        assertEquals(Limit.parse("3/us"), Limit.tokenBucket(3, Duration.ofNanos(1_000)));
        assertEquals(Limit.parse("3/366day fixed"), Limit.fixedWindow(3, Limit.MAX_PERIOD));
        assertEquals(minute, Limit.slidingWindow(1, minute).period());
        assertEquals(
                LimitSet.parse("5 concurrent lease 10s").concurrency(), ConcurrencyLimit.of(5, Duration.ofSeconds(10)));
        assertEquals(new ConcurrencyLimit(5), ConcurrencyLimit.of(5, ConcurrencyLimit.DEFAULT_LEASE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"PT0.0000015S", "PT1.000000001S", "PT0.000000999S", "PT-0.0000005S"})
    void fractionOfAMicrosecondIsRejected(Duration duration) {
        for (Function<Duration, Limit> factory : FACTORIES) {
            assertRejected(
                    "The period of a limit is " + duration
                            + "; it must be a whole number of microseconds, 1 microsecond to 366 days.",
                    () -> factory.apply(duration));
        }
        assertRejected(
                "The lease time is " + duration + "; it must be a whole number of microseconds, 1s to 1day.",
                () -> ConcurrencyLimit.of(5, duration));
    }

    @Test
    void durationBeyond64BitsOfMicrosecondsIsRejected() {
        for (Duration duration : List.of(
                Duration.ofSeconds(Long.MAX_VALUE),
                Duration.ofSeconds(Long.MIN_VALUE),
                Duration.ofSeconds(Long.MAX_VALUE / 1_000_000 + 1))) {
            for (Function<Duration, Limit> factory : FACTORIES) {
                assertRejected(
                        "The period of a limit is " + duration
                                + "; it must be a whole number of microseconds, 1 microsecond to 366 days.",
                        () -> factory.apply(duration));
            }
            assertRejected(
                    "The lease time is " + duration + "; it must be a whole number of microseconds, 1s to 1day.",
                    () -> ConcurrencyLimit.of(5, duration));
        }
    }

    @Test
    void periodOutOfRangeIsRejected() {
        for (Duration duration : List.of(Duration.ZERO, Duration.ofDays(-1), Limit.MAX_PERIOD.plusNanos(1_000))) {
            for (Function<Duration, Limit> factory : FACTORIES) {
                assertRejected(
                        "A limit with a period of " + duration.toNanos() / 1_000
                                + " microseconds is out of range; it must be 1 microsecond to 366 days.",
                        () -> factory.apply(duration));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, 0, 1_000_000_000_001L, Long.MAX_VALUE})
    void numberOfPermitsOutOfRangeIsRejected(long permits) {
        Duration second = Duration.ofSeconds(1);
        String message =
                "A limit of " + permits + " permits per period is out of range; it must be 1 to 1000000000000.";
        assertRejected(message, () -> Limit.tokenBucket(permits, second));
        assertRejected(message, () -> Limit.tokenBucket(permits, second, 1));
        assertRejected(message, () -> Limit.slidingWindow(permits, second));
        assertRejected(message, () -> Limit.fixedWindow(permits, second));
        assertRejected(
                "A burst of " + permits + " permits is out of range; it must be 1 to 1000000000000.",
                () -> Limit.tokenBucket(1, second, permits));
    }

    @Test
    void bucketBeyondExactArithmeticIsRejected() {
        assertRejected(
                "A burst of 1000000000 at 7 per 31622400000000 microseconds cannot be counted exactly; use rounder or "
                        + "smaller numbers.",
                () -> Limit.tokenBucket(7, Limit.MAX_PERIOD, 1_000_000_000));
    }

    @Test
    void concurrencyLimitOutOfRangeIsRejected() {
        for (long slots : new long[] {-1, 0, 1_000_001}) {
            assertRejected(
                    "A concurrency limit of " + slots + " slots is out of range; it must be 1 to 1000000.",
                    () -> ConcurrencyLimit.of(slots, Duration.ofSeconds(10)));
        }
        for (Duration lease : List.of(Duration.ofMillis(999), Duration.ofDays(1).plusNanos(1_000), Duration.ZERO)) {
            assertRejected(
                    "A lease time of " + lease.toNanos() / 1_000
                            + " microseconds is out of range; it must be 1s to 1day.",
                    () -> ConcurrencyLimit.of(5, lease));
        }
    }
}
