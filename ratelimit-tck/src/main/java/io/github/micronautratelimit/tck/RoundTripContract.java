package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Policy;

/** What a decision costs on the wire: as many round trips on first use as for a grant and for a denial. */
interface RoundTripContract extends Contract {

    /** First use, grant and denial, by a caller's first decision and by its later ones. */
    @EachHundred
    default void everyPathCostsAsMuch(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            for (String key : new String[] {"first", "second"}) {
                long before = trial.store.roundTrips();
                assertTrue(trial.limiter.acquire(policy, key).allowed());
                assertEquals(before + trial.store.roundTripsPerDecision(), trial.store.roundTrips(), "first use");
                assertTrue(trial.limiter.acquire(policy, key, 99).allowed());
                assertEquals(before + 2 * trial.store.roundTripsPerDecision(), trial.store.roundTrips(), "grant");
                assertFalse(trial.limiter.acquire(policy, key).allowed());
                assertEquals(before + 3 * trial.store.roundTripsPerDecision(), trial.store.roundTrips(), "denial");
            }
        }
    }

    /** To block a key that is new or in use, and to deny what it then asks for. */
    @Test
    default void aBlockCostsAsMuchAsADecision() {
        try (Trial trial = trial()) {
            assumeTrue(trial.store.blocksKeys());
            Policy policy = trial.policy("100/min");
            trial.limiter.acquire(policy, "used");
            for (String key : new String[] {"new", "used"}) {
                long before = trial.store.roundTrips();
                trial.limiter.block(policy, key, Duration.ofMinutes(1));
                assertEquals(before + trial.store.roundTripsPerDecision(), trial.store.roundTrips(), "block");
                assertFalse(trial.limiter.acquire(policy, key).allowed());
                assertEquals(before + 2 * trial.store.roundTripsPerDecision(), trial.store.roundTrips(), "denial");
            }
        }
    }
}
