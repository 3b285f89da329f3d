package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.Limit;
import io.micronaut.serde.annotation.Serdeable;
import java.util.List;

/**
 * The state of a key under a policy.
 *
 * @param limits           the limits of the policy
 * @param capacity         the most permits that a key can have
 * @param remaining        the permits that are free now
 * @param retryAfterMicros microseconds until one more permit is free; -1 if all are free
 * @param deniedBy         the limits that deny one more permit now
 */
@Serdeable
record PolicyStatus(List<String> limits, long capacity, long remaining, long retryAfterMicros, List<String> deniedBy) {

    /** Reads the state without taking a permit. */
    static PolicyStatus of(RateLimiter limiter, Policy policy, String key) {
        long remaining = limiter.peek(policy, key, 0).remaining();
        Decision oneMore = limiter.peek(policy, key, remaining + 1);
        return new PolicyStatus(
                texts(policy.rateLimits()),
                policy.capacity(),
                remaining,
                oneMore.retryAfterMicros(),
                texts(oneMore.deniedBy()));
    }

    private static List<String> texts(List<Limit> limits) {
        return limits.stream().map(Limit::toString).toList();
    }
}
