package io.github.micronautratelimit;

/**
 * What is asked of a limiter: so many permits, for a key, under a policy.
 *
 * @param policy  the policy that limits
 * @param key     who or what is limited under it; any text, also empty
 * @param permits what the request costs, 0 or more
 * @param type    what is limited, for listeners and metrics
 */
public record Ask(Policy policy, String key, long permits, LimitType type) {

    /**
     * An ask.
     *
     * @param policy  the policy that limits
     * @param key     who or what is limited under it; any text, also empty
     * @param permits what the request costs
     * @param type    what is limited, for listeners and metrics
     * @throws IllegalArgumentException if permits are negative
     */
    public Ask {
        requireNotNegative(permits);
    }

    /**
     * An ask of the application's own code: {@link LimitType#CODE}.
     *
     * @param policy  the policy that limits
     * @param key     who or what is limited under it; any text, also empty
     * @param permits what the request costs
     * @throws IllegalArgumentException if permits are negative
     */
    public Ask(Policy policy, String key, long permits) {
        this(policy, key, permits, LimitType.CODE);
    }

    /** Names the policy and the cost; never the key. */
    @Override
    public String toString() {
        return "Ask[policy=" + policy.name() + ", permits=" + permits + "]";
    }

    static void requireNotNegative(long permits) {
        if (permits < 0) {
            throw new IllegalArgumentException("A request costs 0 or more permits, not " + permits + ".");
        }
    }
}
