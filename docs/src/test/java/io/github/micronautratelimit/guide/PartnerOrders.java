package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.RateLimitExceededException;
import jakarta.inject.Singleton;
import java.time.Duration;

// tag::orders[]
@Singleton
class PartnerOrders {

    private final PartnerClient partner;

    PartnerOrders(PartnerClient partner) {
        this.partner = partner;
    }

    String orders() {
        try {
            return partner.orders();
        } catch (RateLimitExceededException e) {
            return "try again in " + e.retryAfter().map(Duration::toSeconds).orElse(0L) + " s";
        }
    }
}
// end::orders[]
