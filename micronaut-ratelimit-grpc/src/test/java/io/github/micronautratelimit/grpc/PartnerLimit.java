package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.grpc.ClientInterceptor;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Singleton;
import java.time.Duration;

@Requires(property = "spec.name", value = "partner")
// tag::factory[]
@Factory
class PartnerLimit {

    @Singleton
    ClientInterceptor partnerLimit(RateLimiter limiter) {
        return new RateLimitClientInterceptor(limiter, Policy.of("partner", "10/s"), "partner", Duration.ofSeconds(5));
    }
}
// end::factory[]
