package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.TokenBucket;

/** Callers whose clocks disagree: they may have to wait longer, but are never granted more. */
interface ClockContract extends Contract {

    /** An hour, in microseconds. */
    long HOUR = 3_600_000_000L;

    /** What one caller spent is spent for another who is an hour behind. */
    @EachHundred
    default void aCallerWhoIsBehindIsNotGrantedMore(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            RateLimiter behind = trial.caller(() -> trial.clock.micros() - HOUR);
            assertTrue(trial.limiter.acquire(policy, "key", 60).allowed());
            assertEquals(40, Trial.drain(behind, policy, "key", 200));
            assertFalse(trial.limiter.acquire(policy, "key").allowed());
            assertTrue(behind.acquire(policy, "key").retryAfterMicros()
                    >= trial.limiter.acquire(policy, "key").retryAfterMicros());
        }
    }

    /** Nor does a caller who is behind set the key's time back for the others. */
    @EachHundred
    default void aCallerWhoIsBehindDoesNotHoldUpTheOthers(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            RateLimiter behind = trial.caller(() -> trial.clock.micros() - HOUR);
            trial.limiter.acquire(policy, "key", 100);
            long reset = trial.standing(policy, "key").resetAfterMicros();
            for (int i = 0; i < 20; i++) {
                trial.clock.advance(reset / 20);
                behind.peek(policy, "key", 1);
            }
            trial.clock.advance(reset % 20);
            assertEquals(100, trial.drain(policy, "key", 200));
        }
    }

    /** One caller is an hour ahead: all together are granted what the latest time seen allows, and no more. */
    @EachHundred
    default void aCallerWhoIsAheadDoesNotMakeMoreOfIt(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            RateLimiter ahead = trial.caller(() -> trial.clock.micros() + HOUR);
            long start = trial.clock.micros();
            long granted = 0;
            for (int minute = 0; minute < 90; minute++) {
                trial.clock.set(start + minute * 60_000_000L);
                granted += trial.drain(policy, "key", 30);
                granted += Trial.drain(ahead, policy, "key", 30);
                long most = policy.limits().stream().mapToLong(limit -> most(limit, start, trial.clock.micros() + HOUR))
                        .min().orElseThrow();
                long all = granted;
                assertTrue(all <= most, () -> all + " were granted where " + most + " may be");
            }
        }
    }

    /** The most a limit may grant from one instant to another, both included. */
    private static long most(Limit limit, long from, long to) {
        if (limit instanceof TokenBucket) {
            return limit.capacity() + limit.permits() * (to - from) / limit.periodMicros();
        }
        if (limit instanceof FixedWindow) {
            return limit.permits() * (to / limit.periodMicros() - from / limit.periodMicros() + 1);
        }
        return limit.permits() * ((to - from) / limit.periodMicros() + 1);
    }

    /** When their time has come to where the caller who was ahead has been, the others are served as ever. */
    @EachHundred
    default void whenTheOthersHaveCaughtUpAllIsAsEver(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            RateLimiter ahead = trial.caller(() -> trial.clock.micros() + HOUR);
            ahead.acquire(policy, "key", 100);
            long reset = ahead.peek(policy, "key", 0).resetAfterMicros();
            assertFalse(trial.limiter.acquire(policy, "key").allowed());
            trial.clock.advance(HOUR + reset - 1);
            assertFalse(trial.limiter.acquire(policy, "key", 100).allowed());
            trial.clock.advance(1);
            assertEquals(trial.standing(policy, "new"), trial.standing(policy, "key"));
            for (int i = 0; i < 3; i++) {
                assertEquals(100, trial.drain(policy, "key", 200));
                trial.clock.advance(trial.standing(policy, "key").resetAfterMicros());
            }
        }
    }
}
