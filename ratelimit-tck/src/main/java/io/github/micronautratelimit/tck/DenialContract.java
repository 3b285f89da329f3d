package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitState;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A denial costs nothing and returns the exact time to wait. */
interface DenialContract extends Contract {

    /** A thousand denials do not change the state of a key. */
    @AllLimitKinds
    default void denialCostsNothing(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            assertTrue(testCase.limiter.tryAcquire(policy, "key", 98).allowed());
            assertTrue(testCase.limiter.tryAcquire(policy, "twin", 98).allowed());
            for (int i = 0; i < 1000; i++) {
                assertFalse(
                        testCase.limiter.tryAcquire(policy, "key", 3 + i % 98).allowed());
            }
            assertEquals(testCase.status(policy, "twin"), testCase.status(policy, "key"));
            testCase.clock.advance(testCase.status(policy, "twin").resetAfterMicros() / 2);
            assertEquals(testCase.limiter.tryAcquire(policy, "twin"), testCase.limiter.tryAcquire(policy, "key"));
            assertEquals(testCase.drain(policy, "twin", 200), testCase.drain(policy, "key", 200));
        }
    }

    /** A denial on an unused key costs nothing either. */
    @AllLimitKinds
    default void denialOnANewKeyCostsNothing(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            assertFalse(testCase.limiter.tryAcquire(policy, "key", 101).allowed());
            assertEquals(testCase.status(policy, "twin"), testCase.status(policy, "key"));
            assertEquals(100, testCase.drain(policy, "key", 200));
        }
    }

    /**
     * A request is denied one microsecond before the returned time and granted at it, for one, some and all permits.
     */
    @AllLimitKinds
    default void retryAfterIsTight(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            for (long permits : new long[] {1, 7, 100}) {
                String key = "key for " + permits;
                testCase.drain(policy, key, 200);
                Decision denied = testCase.limiter.tryAcquire(policy, key, permits);
                assertGrantedExactlyAfter(denied.retryAfterMicros(), testCase, policy, key, permits);
            }
        }
    }

    /** The returned time is exact for any limits and any earlier requests. */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void retryAfterIsTightAfterAnyHistory(@ForAll(supplier = History.Forward.class) History history) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(history.limits());
            for (History.Step step : history.steps()) {
                testCase.clock.advance(step.gapMicros());
                Decision decision = testCase.limiter.tryAcquire(policy, "key", step.permits());
                if (step.permits() > history.capacity()) {
                    assertEquals(LimitState.NEVER, decision.retryAfterMicros());
                } else if (!decision.allowed()) {
                    assertGrantedExactlyAfter(decision.retryAfterMicros(), testCase, policy, "key", step.permits());
                }
            }
        }
    }

    /** One microsecond before the returned time some permits are spent; at it all are free. */
    @ParameterizedTest
    @ValueSource(strings = {"100/min", "7/min burst 100", "97/3s", "100/min sliding", "100/min fixed", "3/s fixed"})
    default void resetAfterIsTight(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            long capacity = policy.rateLimits().get(0).capacity();
            testCase.limiter.tryAcquire(policy, "key", 2);
            testCase.clock.advance(1_234);
            Decision decision = testCase.limiter.tryAcquire(policy, "key", 1);
            assertGrantedExactlyAfter(decision.resetAfterMicros(), testCase, policy, "key", capacity);
        }
    }

    private static void assertGrantedExactlyAfter(
            long micros, TestCase testCase, Policy policy, String key, long permits) {
        assertTrue(micros > 0, () -> "The time to wait is " + micros + " us; it must be positive.");
        testCase.clock.advance(micros - 1);
        assertFalse(
                testCase.limiter.tryAcquire(policy, key, permits).allowed(),
                () -> permits + " permits are granted before the returned " + micros + " us.");
        testCase.clock.advance(1);
        assertTrue(
                testCase.limiter.tryAcquire(policy, key, permits).allowed(),
                () -> permits + " permits are denied after the returned " + micros + " us.");
    }
}
