package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;

import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Looking at a key, giving permits back, forgetting the key, and the key's own end. */
interface KeyStateContract extends Contract {

    /** However often a key is looked at, it stands as its twin that was not. */
    @EachHundred
    default void aLookChangesNothing(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            trial.limiter.acquire(policy, "key", 60);
            trial.limiter.acquire(policy, "twin", 60);
            for (int i = 0; i < 200; i++) {
                trial.limiter.peek(policy, "key", i);
                trial.limiter.peek(policy, "never asked for permits", i);
            }
            assertEquals(trial.limiter.acquire(policy, "twin", 7), trial.limiter.acquire(policy, "key", 7));
            assertEquals(33, trial.drain(policy, "key", 200));
            assertEquals(100, trial.drain(policy, "never asked for permits", 200));
        }
    }

    /** What a look says of some permits is what asking for them is then answered. */
    @Property(tries = 100, edgeCases = EdgeCasesMode.NONE)
    default void aLookTellsTheTruth(@ForAll(supplier = History.Forward.class) History history) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(history.limits());
            for (History.Step step : history.steps()) {
                trial.clock.advance(step.gapMicros());
                Decision standing = trial.standing(policy, "key");
                Decision foretold = trial.limiter.peek(policy, "key", step.permits());
                Decision made = trial.limiter.acquire(policy, "key", step.permits());
                assertTrue(standing.allowed(), "nothing is always granted");
                assertEquals(made.allowed(), foretold.allowed());
                assertEquals(standing.remaining(), foretold.remaining());
                if (made.allowed()) {
                    assertEquals(standing, foretold);
                    assertEquals(standing.remaining() - step.permits(), made.remaining());
                } else {
                    assertEquals(made, foretold);
                }
            }
        }
    }

    /** A key whose permits were taken and given back at the same instant stands as its twin that took none. */
    @Property(tries = 100, edgeCases = EdgeCasesMode.NONE)
    default void givingBackIsTheInverseOfTaking(@ForAll(supplier = History.Forward.class) History history) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(history.limits());
            for (History.Step step : history.steps()) {
                trial.clock.advance(step.gapMicros());
                long passing = 1 + step.permits() % 3;
                if (trial.limiter.acquire(policy, "key", passing).allowed()) {
                    trial.limiter.refund(policy, "key", passing);
                }
                assertEquals(trial.standing(policy, "twin"), trial.standing(policy, "key"));
                assertEquals(trial.limiter.acquire(policy, "twin", step.permits()),
                        trial.limiter.acquire(policy, "key", step.permits()));
            }
        }
    }

    /** Giving back part of what was taken leaves what taking the rest alone would have left. */
    @EachHundred
    default void partOfWhatWasTakenCanBeGivenBack(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            trial.limiter.acquire(policy, "key", 80);
            trial.limiter.refund(policy, "key", 50);
            trial.limiter.refund(policy, "key", 0);
            trial.limiter.acquire(policy, "twin", 30);
            assertEquals(trial.standing(policy, "twin"), trial.standing(policy, "key"));
            assertEquals(70, trial.drain(policy, "key", 200));
        }
    }

    /** Nobody gains permits by giving back more than was taken. */
    @EachHundred
    default void givingBackMoreThanWasTakenGivesNoMoreThanAll(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            for (long tooMany : new long[] {4, 101, 1_000_000_000_001L, Long.MAX_VALUE}) {
                String key = "key given back " + tooMany;
                trial.limiter.acquire(policy, key, 3);
                trial.limiter.refund(policy, key, tooMany);
                assertEquals(trial.standing(policy, "never asked for permits"), trial.standing(policy, key));
                assertEquals(100, trial.drain(policy, key, 200));
            }
            trial.limiter.refund(policy, "new", 5);
            assertEquals(100, trial.drain(policy, "new", 200));
        }
    }

    /** A negative number of permits is a mistake of the caller's, and is told as one before the store is asked. */
    @Test
    default void negativePermitsAreRefused() {
        try (Trial trial = trial()) {
            Policy policy = trial.policy("100/min");
            for (long negative : new long[] {-1, Long.MIN_VALUE}) {
                assertThrows(IllegalArgumentException.class, () -> trial.limiter.acquire(policy, "key", negative));
                assertThrows(IllegalArgumentException.class, () -> trial.limiter.peek(policy, "key", negative));
                assertThrows(IllegalArgumentException.class, () -> trial.limiter.refund(policy, "key", negative));
            }
            assertEquals(100, trial.drain(policy, "key", 200));
        }
    }

    /** A key that was reset decides as a new one; other keys, and the same key under other policies, as before. */
    @EachHundred
    default void resetForgetsOneKey(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            Policy other = trial.policy(limits);
            trial.limiter.acquire(policy, "key", 100);
            trial.limiter.acquire(policy, "other", 90);
            trial.limiter.acquire(other, "key", 80);
            trial.limiter.reset(policy, "key");
            trial.limiter.reset(policy, "never asked for permits");
            assertEquals(trial.standing(policy, "new"), trial.standing(policy, "key"));
            assertEquals(100, trial.drain(policy, "key", 200));
            assertEquals(10, trial.drain(policy, "other", 200));
            assertEquals(20, trial.drain(other, "key", 200));
        }
    }

    /** When every permit is back, a key decides as a new one. */
    @ParameterizedTest
    @ValueSource(strings = {"50/s", "50/s sliding", "50/s fixed", "50/s; 60/s sliding; 70/s fixed"})
    default void afterItsTimeAKeyDecidesAsANewOne(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            Decision decision = trial.limiter.acquire(policy, "key", 50);
            trial.store.letPass(trial.clock, micros(decision.resetAfterMicros()));
            assertEquals(trial.standing(policy, "new"), trial.standing(policy, "key"));
            assertEquals(trial.limiter.acquire(policy, "new"), trial.limiter.acquire(policy, "key"));
        }
    }

    /** The store forgets keys that say nothing any more: by itself, or in passing while others ask. */
    @ParameterizedTest
    @ValueSource(strings = {"50/s", "50/s sliding", "50/s fixed", "50/s; 60/s sliding; 70/s fixed"})
    default void afterTheirTimeKeysAreForgotten(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            long before = trial.store.liveKeys();
            for (int i = 0; i < 500; i++) {
                trial.limiter.acquire(policy, "key " + i, 50);
            }
            long most = trial.store.liveKeys();
            assertTrue(most >= 500, () -> "500 keys are in use, and " + most + " live.");
            trial.store.letPass(trial.clock, Duration.ofSeconds(2));
            for (int i = 0; i < 50; i++) {
                trial.limiter.acquire(policy, "passing");
                trial.store.letPass(trial.clock, Duration.ofMillis(20));
            }
            long after = trial.store.liveKeys();
            assertTrue(after <= before + 1, () -> before + " keys lived before, " + after + " after.");
        }
    }

    private static Duration micros(long micros) {
        return Duration.ofNanos(micros * 1_000);
    }
}
