package io.github.micronautratelimit;

import java.time.Duration;

/**
 * One decision, as received by a {@link RateLimitListener}. Immutable.
 */
public final class RateLimitEvent {

    /** A fifth of the permits remains when 80 % are used. */
    private static final int NEAR_FRACTION = 5;

    private final PermitRequest request;
    private final Decision decision;
    private final long nanos;

    RateLimitEvent(PermitRequest request, Decision decision, long nanos) {
        this.request = request;
        this.decision = decision;
        this.nanos = nanos;
    }

    /**
     * Returns the policy of the request.
     *
     * @return the policy
     */
    public Policy policy() {
        return request.policy();
    }

    /**
     * Returns the hash of the key; the same key always has the same hash.
     *
     * @return the {@link KeyHash} of the key
     */
    public String keyHash() {
        return KeyHash.of(request.key());
    }

    /** Returns the key as layers and stores get it. */
    String concealedKey() {
        return request.key();
    }

    /**
     * Returns the permits of the request.
     *
     * @return 0 or more
     */
    public long permits() {
        return request.permits();
    }

    /**
     * Returns which integration made the request.
     *
     * @return the origin of the request
     */
    public PermitRequest.Origin origin() {
        return request.origin();
    }

    /**
     * Returns the decision.
     *
     * @return the answer that the caller receives
     */
    public Decision decision() {
        return decision;
    }

    /**
     * Returns where the decision was made.
     *
     * @return the source of the decision
     */
    public Decision.Source source() {
        return decision.source();
    }

    /**
     * Returns whether the request was denied because the store was unavailable, and not by a limit; see
     * {@link Decision#isUnavailable}.
     *
     * @return {@code true} for such a denial
     */
    public boolean isUnavailable() {
        return decision.isUnavailable(request.policy());
    }

    /**
     * Returns the time from the request to the decision.
     *
     * @return more than zero; requests that are decided together have the same duration
     */
    public Duration duration() {
        return Duration.ofNanos(nanos);
    }

    /**
     * Returns whether the request was allowed and 80 % of the limit or more is used. If there are several limits,
     * the fewest remaining permits are compared with the smallest capacity. Decisions of a fallback are never near a
     * limit.
     *
     * @return {@code true} if the key may soon be denied
     */
    public boolean isNearLimit() {
        return isNearLimit(request.policy(), decision);
    }

    static boolean isNearLimit(Policy policy, Decision decision) {
        return decision instanceof Decision.Allowed allowed
                && allowed.source() != Decision.Source.FALLBACK
                && allowed.remaining() <= policy.capacity() / NEAR_FRACTION;
    }

    /** Returns the policy and the decision, but not the key. */
    @Override
    public String toString() {
        return "RateLimitEvent[policy=" + policy().name() + ", permits=" + permits() + ", decision=" + decision + "]";
    }
}
