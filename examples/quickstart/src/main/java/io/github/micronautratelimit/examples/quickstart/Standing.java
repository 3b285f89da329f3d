package io.github.micronautratelimit.examples.quickstart;

import java.util.List;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.serde.annotation.Serdeable;

/**
 * How a key stands under a policy.
 *
 * @param limits     the policy's limits
 * @param capacity   the permits there are when nobody has taken any
 * @param left       the permits left
 * @param nextMicros microseconds until there is one more; -1 if none is missing
 * @param waitingFor the limits that one more has to wait for
 */
@Serdeable
record Standing(List<String> limits, long capacity, long left, long nextMicros, List<String> waitingFor) {

    /** Finds out without taking a permit. */
    static Standing of(RateLimiter limiter, Policy policy, String key) {
        long left = limiter.peek(policy, key, 0).remaining();
        Decision oneMore = limiter.peek(policy, key, left + 1);
        return new Standing(texts(policy.limits()), policy.capacity(), left, oneMore.retryAfterMicros(),
                texts(oneMore.deniedBy()));
    }

    private static List<String> texts(List<Limit> limits) {
        return limits.stream().map(Limit::toString).toList();
    }
}
