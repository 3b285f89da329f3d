package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Policy;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The round trips of a decision are the same for the first use of a key, a grant and a denial. */
interface RoundTripContract extends Contract {

    /** The cost is the same for the first decision of an instance and for later ones. */
    @AllLimitKinds
    default void everyDecisionCostsTheSameRoundTrips(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            for (String key : new String[] {"first", "second"}) {
                long before = testCase.store.roundTrips();
                assertTrue(testCase.limiter.tryAcquire(policy, key).allowed());
                assertEquals(before + testCase.store.roundTripsPerDecision(), testCase.store.roundTrips(), "first use");
                assertTrue(testCase.limiter.tryAcquire(policy, key, 99).allowed());
                assertEquals(before + 2 * testCase.store.roundTripsPerDecision(), testCase.store.roundTrips(), "grant");
                assertFalse(testCase.limiter.tryAcquire(policy, key).allowed());
                assertEquals(
                        before + 3 * testCase.store.roundTripsPerDecision(), testCase.store.roundTrips(), "denial");
            }
        }
    }

    /** The cost is the same for new and for used keys, and for denials during the block. */
    @Test
    default void blockCostsTheRoundTripsOfADecision() {
        try (TestCase testCase = newTestCase()) {
            assumeTrue(testCase.store.blocksKeys());
            Policy policy = testCase.policy("100/min");
            testCase.limiter.tryAcquire(policy, "used");
            for (String key : new String[] {"new", "used"}) {
                long before = testCase.store.roundTrips();
                testCase.limiter.block(policy, key, Duration.ofMinutes(1));
                assertEquals(before + testCase.store.roundTripsPerDecision(), testCase.store.roundTrips(), "block");
                assertFalse(testCase.limiter.tryAcquire(policy, key).allowed());
                assertEquals(
                        before + 2 * testCase.store.roundTripsPerDecision(), testCase.store.roundTrips(), "denial");
            }
        }
    }
}
