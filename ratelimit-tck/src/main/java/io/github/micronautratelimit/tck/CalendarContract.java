package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Charge;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Quotas whose windows begin and end with a calendar: what is left, and when more comes, to the microsecond. */
interface CalendarContract extends Contract {

    /** The quotas of random histories. */
    List<String> CALENDARS = List.of(
            "9/day Europe/Berlin",
            "9/day America/New_York; 30/week from sunday America/New_York",
            "9/month from 31 Europe/Berlin",
            "9/week; 5/h",
            "9/month from 30 Asia/Kathmandu; 8/day Asia/Kathmandu; 7/h fixed",
            "9/year from april Asia/Kolkata; 6/min sliding");

    private static void setTime(TestCase testCase, String instant) {
        testCase.clock.set(VirtualClock.at(Instant.parse(instant)).micros());
    }

    /** Random operations of every kind that meet the ends of windows, with the answers of the exact model. */
    @Property(edgeCases = EdgeCasesMode.NONE, tries = 100)
    default void everyOperationOnACalendarQuotaDecidesLikeTheExactModel(@ForAll long seed) {
        try (TestCase testCase = newTestCase()) {
            if (!testCase.store.keepsReservations()) {
                return;
            }
            List<Limit> limits = Limit.parseAll(CALENDARS.get((int) Math.floorMod(seed, (long) CALENDARS.size())));
            GoldenTrace trace = RandomTrace.ofCalendar("seed " + seed, seed, limits, testCase.clock.micros(), 40);
            testCase.clock.set(trace.rows().get(0).timeMicros());
            TraceReplay replay = new TraceReplay(
                    testCase.store.connect(testCase.clock),
                    testCase.clock,
                    TraceReplay.policyOf(testCase.policy(limits), trace.refundedAtExpiry()));
            for (GoldenTrace.Row row : trace.rows()) {
                assertEquals(
                        row.expected(),
                        replay.execute(row),
                        () -> "row " + row.line() + ": " + row.text() + " of\n" + trace.text());
            }
        }
    }

    /** A spent quota is denied until the next window begins, however long the present one is. */
    @ParameterizedTest
    @CsvSource({
        "5/day Europe/Berlin, 2025-03-29T23:00:00Z, PT23H",
        "5/day Europe/Berlin, 2025-10-25T22:00:00Z, PT25H",
        "5/day Australia/Lord_Howe, 2025-04-05T13:00:00Z, PT24H30M",
        "5/day Asia/Kathmandu, 2025-06-30T18:14:59Z, PT1S",
        "5/day America/Sao_Paulo, 2018-11-04T03:00:00Z, PT23H",
        "5/day Africa/Cairo, 2010-04-29T22:00:00Z, PT23H",
        "5/day Pacific/Apia, 2011-12-29T10:00:00Z, PT24H",
        "5/week from monday, 2025-06-01T23:00:00Z, PT1H",
        "5/month, 2024-02-29T23:59:59.999999Z, PT0.000001S",
        "5/month from 31, 2025-02-28T00:00:00Z, PT744H",
        "5/month from 31 Europe/Berlin, 2025-02-27T22:59:59Z, PT1S",
        "5/month from 31 Europe/Berlin, 2025-02-27T23:00:00Z, PT743H",
        "5/year from april Europe/Berlin, 2025-03-31T21:00:00Z, PT1H"
    })
    default void waitIsExactAcrossAChangeOfClocks(String limits, String now, Duration left) {
        try (TestCase testCase = newTestCase()) {
            setTime(testCase, now);
            Policy policy = testCase.policy(limits);
            long micros = left.toNanos() / 1_000;
            assertTrue(testCase.limiter.tryAcquire(policy, "key", 5).allowed());
            Decision denied = testCase.limiter.tryAcquire(policy, "key");
            assertFalse(denied.allowed());
            assertEquals(micros, denied.retryAfterMicros());
            assertEquals(micros, denied.resetAfterMicros());
            testCase.clock.advance(micros - 1);
            assertEquals(1, testCase.limiter.tryAcquire(policy, "key").retryAfterMicros());
            testCase.clock.advance(1);
            assertEquals(4, testCase.limiter.tryAcquire(policy, "key").remaining());
            assertEquals(-1, testCase.limiter.tryAcquire(policy, "key", 6).retryAfterMicros());
        }
    }

    /**
     * Permits carry over to more or fewer of the same calendar; another zone, anchor or unit starts with all permits.
     */
    @ParameterizedTest
    @CsvSource({
        "100/month, 50/month, 20",
        "100/month, 200/month, 170",
        "100/month, 20/month, 0",
        "100/month Europe/Berlin, 100/month Europe/Vienna, 100",
        "100/month from 31, 100/month from 30, 100",
        "100/month, 100/week, 100",
        "100/day UTC, 100/day fixed, 100",
        "100/day fixed, 100/month, 100",
        "100/day, 100/day UTC, 100",
        "100/month; 90/h, 90/h; 100/month, 60"
    })
    default void changedCalendarStartsAfresh(String before, String after, long remaining) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(before);
            assertTrue(testCase.limiter.tryAcquire(policy, "key", 30).allowed());
            Policy changed = TestCase.changed(policy, after);
            assertEquals(remaining, testCase.status(changed, "key").remaining());
            if (remaining > 0) {
                assertEquals(
                        remaining - 1,
                        testCase.limiter.tryAcquire(changed, "key").remaining());
            }
        }
    }

    /** A charge of the last microsecond of a month takes nothing of the next one, and its refund gives nothing back. */
    @Test
    default void chargeIsGivenBackInItsOwnMonthOnly() {
        try (TestCase testCase = newTestCase()) {
            setTime(testCase, "2025-02-27T22:59:59.999999Z");
            Policy policy = testCase.policy("10/month from 31 Europe/Berlin");
            Charge late = charge(testCase, policy);
            testCase.clock.advance(1);
            Charge early = charge(testCase, policy);
            assertEquals(6, testCase.status(policy, "key").remaining());
            testCase.limiter.async().refund(late).toCompletableFuture().join();
            assertEquals(6, testCase.status(policy, "key").remaining());
            testCase.limiter.async().refund(early).toCompletableFuture().join();
            assertEquals(10, testCase.status(policy, "key").remaining());
        }
    }

    private static Charge charge(TestCase testCase, Policy policy) {
        PermitRequest request = new PermitRequest(policy, "key", 4);
        Decision decision = testCase.limiter.tryAcquire(policy, "key", 4);
        return testCase.limiter.async().charge(request, decision).orElseThrow();
    }

    /** Years without a request, forward and to a clock that lags by a window, change nothing about the rules. */
    @ParameterizedTest
    @ValueSource(strings = {"10/day Europe/Berlin", "10/week from sunday", "10/month from 31", "10/year from april"})
    default void longPausesAndLaggingClocksAreExact(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            Limit limit = policy.rateLimits().get(0);
            assertEquals(7, testCase.limiter.tryAcquire(policy, "key", 3).remaining());
            testCase.clock.advance(Duration.ofDays(2_000));
            assertEquals(6, testCase.limiter.tryAcquire(policy, "key", 4).remaining());
            long micros = testCase.clock.micros();
            testCase.clock.advance(-limit.periodMicros());
            assertEquals(5, testCase.limiter.tryAcquire(policy, "key").remaining());
            assertTrue(testCase.status(policy, "key").resetAfterMicros() <= limit.longestResetMicros());
            testCase.clock.set(micros);
            assertEquals(5, testCase.status(policy, "key").remaining());
        }
    }

    /** A block ends when it ends, not with the month. */
    @Test
    default void blockAcrossTheEndOfAMonthStays() {
        try (TestCase testCase = newTestCase()) {
            assumeTrue(testCase.store.blocksKeys());
            setTime(testCase, "2025-01-31T23:00:00Z");
            Policy policy = testCase.policy("10/month");
            testCase.limiter.tryAcquire(policy, "key", 10);
            testCase.limiter.block(policy, "key", Duration.ofHours(2));
            assertEquals(
                    Duration.ofHours(2),
                    testCase.limiter.tryAcquire(policy, "key").retryAfter().orElseThrow());
            testCase.clock.advance(Duration.ofHours(2));
            assertEquals(9, testCase.limiter.tryAcquire(policy, "key").remaining());
        }
    }
}
