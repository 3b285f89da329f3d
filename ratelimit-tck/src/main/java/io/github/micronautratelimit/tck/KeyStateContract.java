package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import java.time.Duration;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Peek, refund, reset and the expiry of keys. */
interface KeyStateContract extends Contract {

    /** Any number of peeks does not change the state of a key. */
    @AllLimitKinds
    default void peekChangesNothing(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            testCase.limiter.tryAcquire(policy, "key", 60);
            testCase.limiter.tryAcquire(policy, "twin", 60);
            for (int i = 0; i < 200; i++) {
                testCase.limiter.peek(policy, "key", i);
                testCase.limiter.peek(policy, "unused", i);
            }
            assertEquals(testCase.limiter.tryAcquire(policy, "twin", 7), testCase.limiter.tryAcquire(policy, "key", 7));
            assertEquals(33, testCase.drain(policy, "key", 200));
            assertEquals(100, testCase.drain(policy, "unused", 200));
        }
    }

    /** A peek returns the decision that the next request gets. */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void peekPredictsTheDecision(@ForAll(supplier = History.Forward.class) History history) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(history.limits());
            for (History.Step step : history.steps()) {
                testCase.clock.advance(step.gapMicros());
                Decision status = testCase.status(policy, "key");
                Decision predicted = testCase.limiter.peek(policy, "key", step.permits());
                Decision made = testCase.limiter.tryAcquire(policy, "key", step.permits());
                assertTrue(status.allowed(), "0 permits are always granted");
                assertEquals(made.allowed(), predicted.allowed());
                assertEquals(status.remaining(), predicted.remaining());
                if (made.allowed()) {
                    assertEquals(status, predicted);
                    assertEquals(status.remaining() - step.permits(), made.remaining());
                } else {
                    assertEquals(made, predicted);
                }
            }
        }
    }

    /** Permits that are acquired and refunded at the same instant do not change the state of a key. */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void refundIsTheInverseOfAcquire(@ForAll(supplier = History.Forward.class) History history) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(history.limits());
            for (History.Step step : history.steps()) {
                testCase.clock.advance(step.gapMicros());
                long passing = 1 + step.permits() % 3;
                if (testCase.limiter.tryAcquire(policy, "key", passing).allowed()) {
                    testCase.limiter.refund(policy, "key", passing);
                }
                assertEquals(testCase.status(policy, "twin"), testCase.status(policy, "key"));
                assertEquals(
                        testCase.limiter.tryAcquire(policy, "twin", step.permits()),
                        testCase.limiter.tryAcquire(policy, "key", step.permits()));
            }
        }
    }

    /** After a partial refund, the state is as if only the rest had been acquired. */
    @AllLimitKinds
    default void partialRefundKeepsTheRestCharged(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            testCase.limiter.tryAcquire(policy, "key", 80);
            testCase.limiter.refund(policy, "key", 50);
            testCase.limiter.refund(policy, "key", 0);
            testCase.limiter.tryAcquire(policy, "twin", 30);
            assertEquals(testCase.status(policy, "twin"), testCase.status(policy, "key"));
            assertEquals(70, testCase.drain(policy, "key", 200));
        }
    }

    /** A refund of more permits than were acquired does not exceed the capacity. */
    @AllLimitKinds
    default void refundBeyondTakenRestoresFullCapacity(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            for (long tooMany : new long[] {4, 101, 1_000_000_000_001L, Long.MAX_VALUE}) {
                String key = "key given back " + tooMany;
                testCase.limiter.tryAcquire(policy, key, 3);
                testCase.limiter.refund(policy, key, tooMany);
                assertEquals(testCase.status(policy, "unused"), testCase.status(policy, key));
                assertEquals(100, testCase.drain(policy, key, 200));
            }
            testCase.limiter.refund(policy, "new", 5);
            assertEquals(100, testCase.drain(policy, "new", 200));
        }
    }

    /** Negative permits are rejected before the store is called. */
    @Test
    default void negativePermitsAreRejected() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("100/min");
            for (long negative : new long[] {-1, Long.MIN_VALUE}) {
                assertThrows(
                        IllegalArgumentException.class, () -> testCase.limiter.tryAcquire(policy, "key", negative));
                assertThrows(IllegalArgumentException.class, () -> testCase.limiter.peek(policy, "key", negative));
                assertThrows(IllegalArgumentException.class, () -> testCase.limiter.refund(policy, "key", negative));
            }
            assertEquals(100, testCase.drain(policy, "key", 200));
        }
    }

    /** A reset key decides like a new key. Other keys, and the same key under other policies, keep their state. */
    @AllLimitKinds
    default void resetRemovesOneKey(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            Policy other = testCase.policy(limits);
            testCase.limiter.tryAcquire(policy, "key", 100);
            testCase.limiter.tryAcquire(policy, "other", 90);
            testCase.limiter.tryAcquire(other, "key", 80);
            testCase.limiter.reset(policy, "key");
            testCase.limiter.reset(policy, "unused");
            assertEquals(testCase.status(policy, "new"), testCase.status(policy, "key"));
            assertEquals(100, testCase.drain(policy, "key", 200));
            assertEquals(10, testCase.drain(policy, "other", 200));
            assertEquals(20, testCase.drain(other, "key", 200));
        }
    }

    /** A key whose permits have all come back decides like a new key. */
    @ParameterizedTest
    @ValueSource(strings = {"50/s", "50/s sliding", "50/s fixed", "50/s; 60/s sliding; 70/s fixed"})
    default void expiredKeyDecidesLikeANewKey(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            Decision decision = testCase.limiter.tryAcquire(policy, "key", 50);
            testCase.store.letPass(testCase.clock, micros(decision.resetAfterMicros()));
            assertEquals(testCase.status(policy, "new"), testCase.status(policy, "key"));
            assertEquals(testCase.limiter.tryAcquire(policy, "new"), testCase.limiter.tryAcquire(policy, "key"));
        }
    }

    /** The store removes keys without state, by itself or during requests on other keys. */
    @ParameterizedTest
    @ValueSource(strings = {"50/s", "50/s sliding", "50/s fixed", "50/s; 60/s sliding; 70/s fixed"})
    default void emptyKeysAreRemoved(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            long before = testCase.store.liveKeys();
            for (int i = 0; i < 500; i++) {
                testCase.limiter.tryAcquire(policy, "key " + i, 50);
            }
            long most = testCase.store.liveKeys();
            assertTrue(most >= 500, () -> "The store contains " + most + " keys; 500 are in use.");
            testCase.store.letPass(testCase.clock, Duration.ofSeconds(2));
            for (int i = 0; i < 50; i++) {
                testCase.limiter.tryAcquire(policy, "passing");
                testCase.store.letPass(testCase.clock, Duration.ofMillis(20));
            }
            long after = testCase.store.liveKeys();
            assertTrue(
                    after <= before + 1,
                    () -> "The store contains " + after + " keys; there were " + before + " before.");
        }
    }

    private static Duration micros(long micros) {
        return Duration.ofNanos(micros * 1_000);
    }
}
