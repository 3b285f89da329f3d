package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.guard.Fallback.Charge;
import io.github.micronautratelimit.internal.Scheduler;
import org.junit.jupiter.api.Test;

class FallbackTest {

    private final MicroClock clock = () -> 1_000_000_000_000_000L;
    private final Fallback fallback = new Fallback(clock, 1, new UnsettledCharges(clock, Scheduler.SYSTEM));

    /** A resolver may make a policy per key. */
    @Test
    void cacheOfPoliciesIsBoundedAndEvictionChangesNoDecision() {
        Policy policy = Policy.of("p", "2/day");
        assertTrue(fallback.acquire(policy, "key", 2, Charge.NOT).allowed());
        for (int i = 0; i < 3 * Fallback.MAX_POLICIES; i++) {
            assertTrue(fallback.acquire(Policy.of("p" + i, "2/day"), "key", 1, Charge.NOT)
                    .allowed());
        }
        assertTrue(fallback.policies() <= Fallback.MAX_POLICIES, () -> fallback.policies() + " policies");
        assertTrue(fallback.policies() > Fallback.MAX_POLICIES / 2, () -> fallback.policies() + " policies");
        assertFalse(fallback.acquire(policy, "key", 1, Charge.NOT).allowed());
        assertEquals(0, fallback.peek(policy, "key", 0).remaining());
    }
}
