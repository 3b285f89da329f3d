package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Calls of a service that allows 10 calls per second. */
@Singleton
class PartnerCalls {

    // tag::acquire[]
    private static final Policy PARTNER = Policy.of("partner", "10/s burst 1");

    private final RateLimiter limiter;

    PartnerCalls(RateLimiter limiter) {
        this.limiter = limiter;
    }

    String call() {
        Decision decision = limiter.acquire(PARTNER, "partner", 1, Duration.ofSeconds(5));
        return decision.allowed() ? "called" : "too many callers";
    }

    CompletionStage<String> callLater() {
        return limiter.async()
                .acquire(PARTNER, "partner", 1, Duration.ofSeconds(5))
                .thenApply(decision -> decision.allowed() ? "called" : "too many callers");
    }
    // end::acquire[]

    // tag::annotation[]
    @RateLimit(value = "10/s burst 1", maxWait = "5s")
    CompletionStage<String> annotated() {
        return CompletableFuture.completedFuture("called");
    }
    // end::annotation[]
}
