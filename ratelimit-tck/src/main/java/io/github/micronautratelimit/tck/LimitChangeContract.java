package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;

/** A limit that is changed while it is in use acts on the keys there are: what was spent stays spent. */
interface LimitChangeContract extends Contract {

    /** So many permits are free at once after 100 were spent under other limits. */
    @ParameterizedTest(name = "{0} -> {1}: {2} are free")
    @CsvSource({
        "100/min, 200/min, 100",
        "100/min, 100/min burst 150, 50",
        "100/min, 300/h burst 130, 30",
        "100/min, 100/h, 0",
        "100/min, 50/min, 0",
        "100/min sliding, 200/min sliding, 100",
        "100/min sliding, 50/min sliding, 0",
        "100/min fixed, 200/min fixed, 100",
        "100/min fixed, 50/min fixed, 0",
        "100/min, 100/min sliding, 100",
        "100/min, 100/min fixed, 100",
        "100/min sliding, 90/min, 90",
        "100/min sliding, 90/min fixed, 90",
        "100/min fixed, 90/min, 90",
        "100/min fixed, 90/min sliding, 90",
        "100/min sliding, 90/h sliding, 90",
        "100/min fixed, 90/h fixed, 90",
        "100/min, 100/min; 70/h sliding, 0",
        "100/min, 150/min; 70/h sliding, 50",
        "100/min; 100/h sliding, 120/h sliding, 20",
        "100/min; 100/h sliding, 130/h sliding; 120/min, 20",
        "100/min; 100/h sliding, 120/h fixed; 110/min, 10"})
    default void whatWasSpentCarriesOver(String before, String after, long free) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(before);
            assertTrue(trial.limiter.acquire(policy, "key", 100).allowed());
            Policy changed = Trial.changed(policy, after);
            assertEquals(free, trial.standing(changed, "key").remaining());
            assertEquals(free, trial.drain(changed, "key", 1000));
        }
    }

    /** 100 of 100 a minute spent, then 50 a minute: the next permit comes exactly when 49 are owed. */
    @Test
    default void aLoweredBucketGrantsAgainWhenEnoughIsRepaid() {
        try (Trial trial = trial()) {
            Policy policy = trial.policy("100/min");
            trial.limiter.acquire(policy, "key", 100);
            Policy lowered = Trial.changed(policy, "50/min");
            assertGrantedExactlyAfter(51 * 1_200_000, trial, lowered, "key");
        }
    }

    /** The first permit under a lowered window comes when enough of those spent have left it. */
    @ParameterizedTest
    @ValueSource(strings = {"sliding", "fixed"})
    default void aLoweredWindowGrantsAgainWhenEnoughHasLeft(String kind) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy("100/min " + kind);
            trial.limiter.acquire(policy, "key", 60);
            trial.clock.advance(10_000_000);
            Decision last = trial.limiter.acquire(policy, "key", 40);
            Policy lowered = Trial.changed(policy, "40/min " + kind);
            assertGrantedExactlyAfter(last.resetAfterMicros(), trial, lowered, "key");
        }
    }

    private static void assertGrantedExactlyAfter(long micros, Trial trial, Policy policy, String key) {
        assertEquals(micros, trial.limiter.acquire(policy, key).retryAfterMicros());
        trial.clock.advance(micros - 1);
        assertFalse(trial.limiter.acquire(policy, key).allowed());
        trial.clock.advance(1);
        assertTrue(trial.limiter.acquire(policy, key).allowed());
    }

    /** A change that is taken back has changed nothing, as long as nobody was granted anything under it. */
    @EachHundred
    default void aChangeTakenBackHasChangedNothing(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            trial.limiter.acquire(policy, "key", 70);
            trial.limiter.acquire(policy, "twin", 70);
            for (String other : new String[] {"1/min", "2/day sliding; 3/min", "5/min fixed", "4/min burst 10"}) {
                Policy changed = Trial.changed(policy, other);
                trial.limiter.acquire(changed, "key", 20);
                trial.limiter.peek(changed, "key", 1);
            }
            assertEquals(trial.standing(policy, "twin"), trial.standing(policy, "key"));
            assertEquals(30, trial.drain(policy, "key", 200));
        }
    }

    /** Each of several limits goes on from what it was itself, wherever it now stands in the list. */
    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource({
        "10/s; 100/min, 100/min; 10/s",
        "10/s; 100/min; 50/min sliding, 50/min sliding; 100/min; 10/s",
        "50/min sliding; 20/s sliding; 60/h sliding, 60/h sliding; 50/min sliding; 20/s sliding",
        "50/min fixed; 20/s sliding; 10/s, 10/s; 50/min fixed; 20/s sliding"})
    default void reorderedLimitsCarryOn(String before, String after) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(before);
            Policy reordered = Trial.changed(policy, after);
            for (String key : new String[] {"key", "twin"}) {
                trial.limiter.acquire(policy, key, 9);
            }
            trial.clock.advance(700_000);
            for (int i = 0; i < 30; i++) {
                trial.clock.advance(777_777);
                Decision twin = trial.limiter.acquire(policy, "twin", 4);
                Decision key = trial.limiter.acquire(i % 3 == 0 ? policy : reordered, "key", 4);
                assertEquals(GoldenTrace.Answer.of(twin), GoldenTrace.Answer.of(key));
            }
        }
    }

    /** A limit that is added starts afresh; those that were there carry on; one removed no longer denies. */
    @Test
    default void limitsAreAddedAndRemoved() {
        try (Trial trial = trial()) {
            Policy one = trial.policy("100/min");
            Policy two = Trial.changed(one, "30/h sliding; 100/min");
            Policy three = Trial.changed(one, "30/h sliding; 100/min; 20/day fixed");
            assertEquals(80, trial.limiter.acquire(one, "key", 20).remaining());
            assertEquals(5, trial.limiter.acquire(two, "key", 25).remaining());
            assertEquals(2, trial.limiter.acquire(three, "key", 3).remaining());
            assertEquals(0, trial.limiter.acquire(three, "key", 2).remaining());
            assertFalse(trial.limiter.acquire(three, "key").allowed());
            assertFalse(trial.limiter.acquire(two, "key").allowed());
            assertEquals(49, trial.limiter.acquire(one, "key").remaining());
        }
    }
}
