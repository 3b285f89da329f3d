package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class QuotasTest {

    @Test
    void customerSeesTheUsageOfTheMonth() {
        VirtualClock clock = VirtualClock.at(Instant.parse("2025-02-27T22:59:59Z"));
        Quotas quotas =
                new Quotas(RateLimiter.builder(new MemoryBackend(clock, 100)).build());
        assertTrue(quotas.call("acme", 7));
        assertFalse(quotas.call("acme", 7));
        assertEquals("7 of 1000, more from 2025-02-27T23:00:00Z", quotas.usedThisMonth("acme"));
        clock.advance(1_000_000);
        assertEquals("0 of 1000, more from 2025-03-30T22:00:00Z", quotas.usedThisMonth("acme"));
        assertEquals(
                0, quotas.usageLater("acme").toCompletableFuture().join().get(1).used());
    }
}
