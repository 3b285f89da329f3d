package io.github.micronautratelimit.config;

import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LeaseBackend;
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

        /** Places as many as anybody asks for, which nobody holds. */
        @Override
        public LeaseBackend leases() {
            return new UnlimitedLeases();
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

    private static final class UnlimitedLeases implements LeaseBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
            return peek(policy, key);
        }

        @Override
        public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
            return CompletableFuture.completedFuture(true);
        }

        @Override
        public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key) {
            return CompletableFuture.completedFuture(
                    new Decision.Allowed(policy.capacity(), 0, Decision.Source.FALLBACK));
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return CompletableFuture.completedFuture(null);
        }
    }
}
