package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A changed limit applies to live keys at once, and spent permits stay spent. */
interface LimitChangeContract extends Contract {

    /** 100 permits are spent under the first limits. The last column is the number of permits free under the second. */
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
        "100/min; 100/h sliding, 120/h fixed; 110/min, 10"
    })
    default void spentPermitsCarryOver(String before, String after, long free) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(before);
            assertTrue(testCase.limiter.tryAcquire(policy, "key", 100).allowed());
            Policy changed = TestCase.changed(policy, after);
            assertEquals(free, testCase.status(changed, "key").remaining());
            assertEquals(free, testCase.drain(changed, "key", 1000));
        }
    }

    /** After 100 of 100/min are spent, the limit becomes 50/min. The next permit is free exactly when 49 are spent. */
    @Test
    default void loweredBucketGrantsAgainAfterRefill() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("100/min");
            testCase.limiter.tryAcquire(policy, "key", 100);
            Policy lowered = TestCase.changed(policy, "50/min");
            assertGrantedExactlyAfter(51 * 1_200_000, testCase, lowered, "key");
        }
    }

    /** The next permit under a lowered window is free when enough spent permits have left the window. */
    @ParameterizedTest
    @ValueSource(strings = {"sliding", "fixed"})
    default void loweredWindowGrantsAgainWhenPermitsLeaveIt(String kind) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("100/min " + kind);
            testCase.limiter.tryAcquire(policy, "key", 60);
            testCase.clock.advance(10_000_000);
            Decision last = testCase.limiter.tryAcquire(policy, "key", 40);
            Policy lowered = TestCase.changed(policy, "40/min " + kind);
            assertGrantedExactlyAfter(last.resetAfterMicros(), testCase, lowered, "key");
        }
    }

    private static void assertGrantedExactlyAfter(long micros, TestCase testCase, Policy policy, String key) {
        assertEquals(micros, testCase.limiter.tryAcquire(policy, key).retryAfterMicros());
        testCase.clock.advance(micros - 1);
        assertFalse(testCase.limiter.tryAcquire(policy, key).allowed());
        testCase.clock.advance(1);
        assertTrue(testCase.limiter.tryAcquire(policy, key).allowed());
    }

    /** A reverted change has no effect if no permit was granted under it. */
    @AllLimitKinds
    default void revertedChangeChangesNothing(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            testCase.limiter.tryAcquire(policy, "key", 70);
            testCase.limiter.tryAcquire(policy, "twin", 70);
            for (String other : new String[] {"1/min", "2/day sliding; 3/min", "5/min fixed", "4/min burst 10"}) {
                Policy changed = TestCase.changed(policy, other);
                testCase.limiter.tryAcquire(changed, "key", 20);
                testCase.limiter.peek(changed, "key", 1);
            }
            assertEquals(testCase.status(policy, "twin"), testCase.status(policy, "key"));
            assertEquals(30, testCase.drain(policy, "key", 200));
        }
    }

    /** Each limit keeps its own state at its new position in the list. */
    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource({
        "10/s; 100/min, 100/min; 10/s",
        "10/s; 100/min; 50/min sliding, 50/min sliding; 100/min; 10/s",
        "50/min sliding; 20/s sliding; 60/h sliding, 60/h sliding; 50/min sliding; 20/s sliding",
        "50/min fixed; 20/s sliding; 10/s, 10/s; 50/min fixed; 20/s sliding"
    })
    default void reorderedLimitsKeepTheirState(String before, String after) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(before);
            Policy reordered = TestCase.changed(policy, after);
            for (String key : new String[] {"key", "twin"}) {
                testCase.limiter.tryAcquire(policy, key, 9);
            }
            testCase.clock.advance(700_000);
            for (int i = 0; i < 30; i++) {
                testCase.clock.advance(777_777);
                Decision twin = testCase.limiter.tryAcquire(policy, "twin", 4);
                Decision key = testCase.limiter.tryAcquire(i % 3 == 0 ? policy : reordered, "key", 4);
                assertEquals(GoldenTrace.Answer.of(twin), GoldenTrace.Answer.of(key));
            }
        }
    }

    /** An added limit starts empty, existing limits keep their state, and a removed limit no longer denies. */
    @Test
    default void limitsAreAddedAndRemoved() {
        try (TestCase testCase = newTestCase()) {
            Policy one = testCase.policy("100/min");
            Policy two = TestCase.changed(one, "30/h sliding; 100/min");
            Policy three = TestCase.changed(one, "30/h sliding; 100/min; 20/day fixed");
            assertEquals(80, testCase.limiter.tryAcquire(one, "key", 20).remaining());
            assertEquals(5, testCase.limiter.tryAcquire(two, "key", 25).remaining());
            assertEquals(2, testCase.limiter.tryAcquire(three, "key", 3).remaining());
            assertEquals(0, testCase.limiter.tryAcquire(three, "key", 2).remaining());
            assertFalse(testCase.limiter.tryAcquire(three, "key").allowed());
            assertFalse(testCase.limiter.tryAcquire(two, "key").allowed());
            assertEquals(49, testCase.limiter.tryAcquire(one, "key").remaining());
        }
    }
}
