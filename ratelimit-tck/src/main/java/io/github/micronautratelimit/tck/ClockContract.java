package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.TokenBucket;

/** Instances with different clocks may wait longer, but are never granted more. */
interface ClockContract extends Contract {

    /** One hour in microseconds. */
    long HOUR = 3_600_000_000L;

    /** Spent permits are also spent for an instance whose clock is an hour slow. */
    @AllLimitKinds
    default void slowClockGetsNoExtraPermits(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            RateLimiter behind = testCase.caller(() -> testCase.clock.micros() - HOUR);
            assertTrue(testCase.limiter.tryAcquire(policy, "key", 60).allowed());
            assertEquals(40, TestCase.drain(behind, policy, "key", 200));
            assertFalse(testCase.limiter.tryAcquire(policy, "key").allowed());
            assertTrue(behind.tryAcquire(policy, "key").retryAfterMicros()
                    >= testCase.limiter.tryAcquire(policy, "key").retryAfterMicros());
        }
    }

    /** An instance with a slow clock does not set back the time of a key for other instances. */
    @AllLimitKinds
    default void slowClockDoesNotDelayOthers(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            RateLimiter behind = testCase.caller(() -> testCase.clock.micros() - HOUR);
            testCase.limiter.tryAcquire(policy, "key", 100);
            long reset = testCase.status(policy, "key").resetAfterMicros();
            for (int i = 0; i < 20; i++) {
                testCase.clock.advance(reset / 20);
                behind.peek(policy, "key", 1);
            }
            testCase.clock.advance(reset % 20);
            assertEquals(100, testCase.drain(policy, "key", 200));
        }
    }

    /** If one clock is an hour fast, all instances together get at most the permits up to the latest time seen. */
    @AllLimitKinds
    default void fastClockGetsNoExtraPermits(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            RateLimiter ahead = testCase.caller(() -> testCase.clock.micros() + HOUR);
            long start = testCase.clock.micros();
            long granted = 0;
            for (int minute = 0; minute < 90; minute++) {
                testCase.clock.set(start + minute * 60_000_000L);
                granted += testCase.drain(policy, "key", 30);
                granted += TestCase.drain(ahead, policy, "key", 30);
                long most = policy.rateLimits().stream()
                        .mapToLong(limit -> most(limit, start, testCase.clock.micros() + HOUR))
                        .min()
                        .orElseThrow();
                long all = granted;
                assertTrue(all <= most, () -> all + " permits were granted; the limits allow " + most + ".");
            }
        }
    }

    /**
     * A clock that was an hour fast for a moment keeps the key from granting more, but no caller is told to wait longer
     * than the limits can ever need.
     */
    @AllLimitKinds
    default void noCallerIsToldToWaitLongerThanTheLimitsCanNeed(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            RateLimiter ahead = testCase.caller(() -> testCase.clock.micros() + HOUR);
            long longest = policy.rateLimits().stream()
                    .mapToLong(Limit::longestResetMicros)
                    .max()
                    .orElseThrow();
            assertTrue(ahead.tryAcquire(policy, "key", 99).allowed());
            Decision last = testCase.limiter.tryAcquire(policy, "key");
            assertTrue(last.allowed(), "the permits that are left are granted");
            assertResetWithin(longest, last);
            for (long permits : new long[] {1, 50, 100}) {
                Decision denial = testCase.limiter.tryAcquire(policy, "key", permits);
                assertFalse(denial.allowed());
                assertTrue(
                        denial.retryAfterMicros() > 0 && denial.retryAfterMicros() <= longest,
                        () -> denial + " is told to wait; the limits need at most " + longest);
                assertResetWithin(longest, denial);
            }
            assertResetWithin(longest, testCase.status(policy, "key"));
        }
    }

    private static void assertResetWithin(long longest, Decision decision) {
        assertTrue(decision.resetAfterMicros() > 0 && decision.resetAfterMicros() <= longest, decision::toString);
    }

    /** Returns the most permits that a limit may grant between two instants, both included. */
    private static long most(Limit limit, long from, long to) {
        if (limit instanceof TokenBucket) {
            return limit.capacity() + limit.permits() * (to - from) / limit.periodMicros();
        }
        if (limit instanceof FixedWindow window) {
            return limit.permits() * (window.windowAt(to) - window.windowAt(from) + 1);
        }
        return limit.permits() * ((to - from) / limit.periodMicros() + 1);
    }

    /** Once the other clocks reach the time of the fast clock, decisions are as usual. */
    @AllLimitKinds
    default void decisionsAreExactOnceOthersCatchUp(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            RateLimiter ahead = testCase.caller(() -> testCase.clock.micros() + HOUR);
            ahead.tryAcquire(policy, "key", 100);
            long reset = ahead.peek(policy, "key", 0).resetAfterMicros();
            assertFalse(testCase.limiter.tryAcquire(policy, "key").allowed());
            testCase.clock.advance(HOUR + reset - 1);
            assertFalse(testCase.limiter.tryAcquire(policy, "key", 100).allowed());
            testCase.clock.advance(1);
            assertEquals(testCase.status(policy, "new"), testCase.status(policy, "key"));
            for (int i = 0; i < 3; i++) {
                assertEquals(100, testCase.drain(policy, "key", 200));
                testCase.clock.advance(testCase.status(policy, "key").resetAfterMicros());
            }
        }
    }
}
