package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** A denial costs nothing and says exactly when to come back. */
interface DenialContract extends Contract {

    /** After a thousand denials a key stands as its twin that was not asked. */
    @EachHundred
    default void aDenialCostsNothing(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            assertTrue(trial.limiter.acquire(policy, "key", 98).allowed());
            assertTrue(trial.limiter.acquire(policy, "twin", 98).allowed());
            for (int i = 0; i < 1000; i++) {
                assertFalse(trial.limiter.acquire(policy, "key", 3 + i % 98).allowed());
            }
            assertEquals(trial.standing(policy, "twin"), trial.standing(policy, "key"));
            trial.clock.advance(trial.standing(policy, "twin").resetAfterMicros() / 2);
            assertEquals(trial.limiter.acquire(policy, "twin"), trial.limiter.acquire(policy, "key"));
            assertEquals(trial.drain(policy, "twin", 200), trial.drain(policy, "key", 200));
        }
    }

    /** A denial on a key that was never granted anything costs nothing either. */
    @EachHundred
    default void aDenialOnANewKeyCostsNothing(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            assertFalse(trial.limiter.acquire(policy, "key", 101).allowed());
            assertEquals(trial.standing(policy, "twin"), trial.standing(policy, "key"));
            assertEquals(100, trial.drain(policy, "key", 200));
        }
    }

    /** Denied a microsecond before the instant named, granted at it: for one permit, some, and all. */
    @EachHundred
    default void retryAfterIsTight(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            for (long permits : new long[] {1, 7, 100}) {
                String key = "key for " + permits;
                trial.drain(policy, key, 200);
                Decision denied = trial.limiter.acquire(policy, key, permits);
                assertGrantedExactlyAfter(denied.retryAfterMicros(), trial, policy, key, permits);
            }
        }
    }

    /** Whatever happened before, and whatever the limits, the instant named is the right one. */
    @Property(tries = 200)
    default void retryAfterIsTightAfterAnyHistory(@ForAll(supplier = History.Forward.class) History history) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(history.limits());
            for (History.Step step : history.steps()) {
                trial.clock.advance(step.gapMicros());
                Decision decision = trial.limiter.acquire(policy, "key", step.permits());
                if (step.permits() > history.capacity()) {
                    assertEquals(Decision.NEVER, decision.retryAfterMicros());
                } else if (!decision.allowed()) {
                    assertGrantedExactlyAfter(decision.retryAfterMicros(), trial, policy, "key", step.permits());
                }
            }
        }
    }

    /** A microsecond before the instant named not every permit is free, at it every one is. */
    @ParameterizedTest
    @ValueSource(strings = {"100/min", "7/min burst 100", "97/3s", "100/min sliding", "100/min fixed", "3/s fixed"})
    default void resetAfterIsTight(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            long capacity = policy.limits().get(0).capacity();
            trial.limiter.acquire(policy, "key", 2);
            trial.clock.advance(1_234);
            Decision decision = trial.limiter.acquire(policy, "key", 1);
            assertGrantedExactlyAfter(decision.resetAfterMicros(), trial, policy, "key", capacity);
        }
    }

    private static void assertGrantedExactlyAfter(long micros, Trial trial, Policy policy, String key, long permits) {
        assertTrue(micros > 0, () -> "A time to wait is positive, not " + micros + " us.");
        trial.clock.advance(micros - 1);
        assertFalse(trial.limiter.acquire(policy, key, permits).allowed(),
                () -> permits + " permits are granted before the " + micros + " us named.");
        trial.clock.advance(1);
        assertTrue(trial.limiter.acquire(policy, key, permits).allowed(),
                () -> permits + " permits are denied after the " + micros + " us named.");
    }
}
