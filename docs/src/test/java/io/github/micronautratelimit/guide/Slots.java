package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import jakarta.inject.Singleton;

@Singleton
class Slots {

    private final RateLimiter limiter;

    Slots(RateLimiter limiter) {
        this.limiter = limiter;
    }

    // tag::lease[]
    private static final Policy REPORTS = Policy.of("reports", "5 concurrent");

    boolean report(String tenant, Runnable work) {
        try (Lease lease = limiter.lease(REPORTS, tenant)) {
            if (lease.allowed()) {
                work.run(); // lease.isHeld() returns whether the slot is still held
            }
            return lease.allowed();
        }
    }
    // end::lease[]
}
