package io.github.micronautratelimit.config;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import jakarta.inject.Singleton;

/** With {@code ratelimit.enabled=false}, code that has a limiter injected still starts, and is granted everything. */
@Factory
@Requires(property = RateLimitConfiguration.PREFIX + ".enabled", value = StringUtils.FALSE)
final class DisabledRateLimiterFactory {

    @Singleton
    RateLimiter rateLimiter() {
        return new RateLimiter(new Unlimited(), List.of());
    }

    private static final class Unlimited implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return CompletableFuture.completedFuture(
                    new Decision.Allowed(policy.capacity(), 0, Decision.Source.FALLBACK));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return CompletableFuture.completedFuture(null);
        }
    }
}
