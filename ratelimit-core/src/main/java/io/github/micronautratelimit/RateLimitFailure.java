package io.github.micronautratelimit;

import java.time.Duration;

/**
 * That a store could not be asked, as told to a {@link RateLimitListener}. Immutable.
 */
public final class RateLimitFailure {

    private final Policy policy;
    private final String key;
    private final Throwable cause;
    private final long nanos;

    RateLimitFailure(Policy policy, String key, Throwable cause, long nanos) {
        this.policy = policy;
        this.key = key;
        this.cause = cause;
        this.nanos = nanos;
    }

    /**
     * The policy asked under.
     *
     * @return the policy
     */
    public Policy policy() {
        return policy;
    }

    /**
     * Who was to be limited, unreadably: the same key always gives the same hash.
     *
     * @return the key's {@link KeyHash}
     */
    public String keyHash() {
        return KeyHash.of(key);
    }

    /**
     * What went wrong.
     *
     * @return what the store or its client threw; a {@link java.util.concurrent.TimeoutException} if it was late
     */
    public Throwable cause() {
        return cause;
    }

    /**
     * How long the store was waited for.
     *
     * @return zero if it was not asked, because its circuit breaker is open
     */
    public Duration duration() {
        return Duration.ofNanos(nanos);
    }

    /** Names the policy and the cause; never the key. */
    @Override
    public String toString() {
        return "RateLimitFailure[policy=" + policy.name() + ", cause=" + cause + "]";
    }
}
