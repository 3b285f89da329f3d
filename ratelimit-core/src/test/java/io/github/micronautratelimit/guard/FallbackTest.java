package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.guard.Fallback.Charge;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.limit.Limit;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class FallbackTest {

    private final MicroClock clock = () -> 1_000_000_000_000_000L;
    private final Fallback fallback = new Fallback(clock, 1, new UnsettledCharges(clock, Scheduler.SYSTEM));

    /** Each of four instances counts its own grants of a quarter, in the windows of the calendar. */
    @Test
    void usageWithoutTheStoreIsAnEstimateByOnError() {
        Fallback shared = new Fallback(clock, 4, new UnsettledCharges(clock, Scheduler.SYSTEM));
        Policy local = Policy.of("p", "1000/month Europe/Berlin; 2/week").withOnError(OnError.LOCAL);
        assertTrue(shared.acquire(local, "key", 1, Charge.NOT).allowed());
        Limit month = local.rateLimits().get(0);
        Instant end = Instant.parse("2001-09-30T22:00:00Z");
        Limit.Usage usage = shared.usage(local, "key").get(0);
        assertEquals(new Limit.Usage(month, 1, 249, end, true), usage);
        assertEquals(
                local.rateLimits().get(1), shared.usage(local, "key").get(1).limit());
        assertEquals(
                new Limit.Usage(month, 0, 1000, end, true),
                shared.usage(local.withOnError(OnError.OPEN), "key").get(0));
        assertEquals(
                new Limit.Usage(month, 1000, 0, end, true),
                shared.usage(local.withOnError(OnError.CLOSED), "key").get(0));
    }

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
