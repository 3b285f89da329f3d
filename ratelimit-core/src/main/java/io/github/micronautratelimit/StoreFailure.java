package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A failed call to a store, as received by a {@link RateLimitListener}. Immutable. */
public final class StoreFailure {

    private final Policy policy;
    private final String key;
    private final Throwable cause;
    private final long nanos;

    /**
     * Creates a failure.
     *
     * @param policy the policy of the request
     * @param key    the key of the request
     * @param cause  the exception of the store or its client
     * @param nanos  how long the call took, in nanoseconds; 0 if the store was not called
     */
    public StoreFailure(Policy policy, String key, Throwable cause, long nanos) {
        this.policy = policy;
        this.key = key;
        this.cause = cause;
        this.nanos = nanos;
    }

    /**
     * Creates the failures of one call for several requests: one per policy, with the key of its first request.
     *
     * @param requests the requests of the call
     * @param cause    the exception of the store or its client
     * @param nanos    how long the call took, in nanoseconds; 0 if the store was not called
     * @return at least one failure if there is a request
     */
    public static List<StoreFailure> of(List<PermitRequest> requests, Throwable cause, long nanos) {
        List<StoreFailure> failures = new ArrayList<>();
        for (PermitRequest request : requests) {
            if (failures.stream().noneMatch(failure -> failure.policy.equals(request.policy()))) {
                failures.add(new StoreFailure(request.policy(), request.key(), cause, nanos));
            }
        }
        return failures;
    }

    /**
     * Returns the policy of the request.
     *
     * @return the policy
     */
    public Policy policy() {
        return policy;
    }

    /**
     * Returns the hash of the key; the same key always has the same hash.
     *
     * @return the {@link KeyHash} of the key
     */
    public String keyHash() {
        return KeyHash.of(key);
    }

    /**
     * Returns the cause.
     *
     * @return the exception of the store or its client; a {@link java.util.concurrent.TimeoutException} if the deadline
     *         passed
     */
    public Throwable cause() {
        return cause;
    }

    /**
     * Returns how long the call took.
     *
     * @return zero if the store was not called because the circuit breaker is open
     */
    public Duration duration() {
        return Duration.ofNanos(nanos);
    }

    /** Returns the policy and the cause, but not the key. */
    @Override
    public String toString() {
        return "StoreFailure[policy=" + policy.name() + ", cause=" + cause + "]";
    }
}
