package io.github.micronautratelimit;

/**
 * One decision, as told to a {@link RateLimitListener}. Immutable.
 */
public final class RateLimitEvent {

    private final Policy policy;
    private final String key;
    private final long permits;
    private final Decision decision;

    RateLimitEvent(Policy policy, String key, long permits, Decision decision) {
        this.policy = policy;
        this.key = key;
        this.permits = permits;
        this.decision = decision;
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
     * Who was limited, unreadably: the same key always gives the same hash.
     *
     * @return the key's {@link KeyHash}
     */
    public String keyHash() {
        return KeyHash.of(key);
    }

    /**
     * The permits asked for.
     *
     * @return 0 or more
     */
    public long permits() {
        return permits;
    }

    /**
     * The decision.
     *
     * @return what the caller is about to learn
     */
    public Decision decision() {
        return decision;
    }

    /** Names the policy and the outcome; never the key. */
    @Override
    public String toString() {
        return "RateLimitEvent[policy=" + policy.name() + ", permits=" + permits + ", decision=" + decision + "]";
    }
}
