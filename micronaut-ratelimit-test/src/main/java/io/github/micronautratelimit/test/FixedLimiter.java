package io.github.micronautratelimit.test;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.Reservation;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Makes limiters that always decide the same, for unit tests without an application:
 *
 * <pre>{@code
 * Mailer mailer = new Mailer(FixedLimiter.denying(Duration.ofSeconds(30)));
 * }</pre>
 *
 * <p>In an application, a method with {@code @Replaces(RateLimiter.class)} in a factory of the test replaces the
 * limiter.
 */
public final class FixedLimiter {

    private FixedLimiter() {}

    /**
     * Makes a limiter that allows every request.
     *
     * @return a new limiter
     */
    public static RateLimiter allowing() {
        return limiter(policy -> new Decision.Allowed(policy.capacity(), 0, Decision.Source.STORE));
    }

    /**
     * Makes a limiter that denies every request, and names all limits of the policy as the reason.
     *
     * @param retryAfter the time to wait that each denial states; a fraction of a microsecond is cut off
     * @return a new limiter
     */
    public static RateLimiter denying(Duration retryAfter) {
        long micros = TimeUnit.NANOSECONDS.toMicros(retryAfter.toNanos());
        return limiter(policy -> new Decision.Denied(0, micros, micros, policy.rateLimits(), Decision.Source.STORE));
    }

    private static RateLimiter limiter(Function<Policy, Decision> decisions) {
        return RateLimiter.builder(new FixedBackend(decisions)).build();
    }

    private record FixedBackend(Function<Policy, Decision> decisions) implements RateLimitBackend, ConcurrencyBackend {

        private static final CompletionStage<Void> DONE = CompletableFuture.completedStage(null);

        private CompletionStage<Decision> decide(Policy policy) {
            return CompletableFuture.completedStage(decisions.apply(policy));
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return decide(policy);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
            return decide(policy);
        }

        @Override
        public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
            return decide(policy);
        }

        @Override
        public CompletionStage<Reservation.Settlement> settle(
                Policy policy, String key, Reservation.Receipt receipt, long actual) {
            return CompletableFuture.completedStage(
                    new Reservation.Settlement(Reservation.Outcome.SETTLED, decisions.apply(policy)));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return decide(policy);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key) {
            return decide(policy);
        }

        @Override
        public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
            return CompletableFuture.completedStage(decisions.apply(policy).allowed());
        }

        @Override
        public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
            return DONE;
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return DONE;
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return DONE;
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return DONE;
        }

        @Override
        public ConcurrencyBackend concurrency() {
            return this;
        }

        @Override
        public boolean isLocal() {
            return true;
        }
    }
}
