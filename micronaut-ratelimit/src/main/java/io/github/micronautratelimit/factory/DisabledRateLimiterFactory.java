package io.github.micronautratelimit.factory;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import jakarta.inject.Singleton;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Provides a limiter that allows every request if {@code ratelimit.enabled} is {@code false}, so that beans still
 * start.
 */
@Factory
@Requires(property = RateLimitConfiguration.PREFIX + ".enabled", value = StringUtils.FALSE)
final class DisabledRateLimiterFactory {

    @Singleton
    @Bean(preDestroy = "close")
    RateLimiter rateLimiter() {
        return RateLimiter.builder(new Unlimited()).unguarded().build();
    }

    private static Decision allowed(Policy policy) {
        return new Decision.Allowed(policy.capacity(), 0, Decision.Source.FALLBACK);
    }

    private static final class Unlimited implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return CompletableFuture.completedFuture(allowed(policy));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return CompletableFuture.completedFuture(allowed(policy));
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return CompletableFuture.completedFuture(null);
        }

        /** Does nothing, because no key is limited. */
        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public ConcurrencyBackend concurrency() {
            return new UnlimitedSlots();
        }

        @Override
        public boolean isLocal() {
            return true;
        }
    }

    private static final class UnlimitedSlots implements ConcurrencyBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
            return CompletableFuture.completedFuture(allowed(policy));
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
            return CompletableFuture.completedFuture(allowed(policy));
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return CompletableFuture.completedFuture(null);
        }
    }
}
