package io.github.micronautratelimit;

import java.time.Duration;

/**
 * One decision, as told to a {@link RateLimitListener}. Immutable.
 */
public final class RateLimitEvent {

    /** Whole permits, so no rounding: the fifth that is left when 80 % are used. */
    private static final int LEFT_WHEN_NEAR = 5;

    private final Ask ask;
    private final Decision decision;
    private final long nanos;

    RateLimitEvent(Ask ask, Decision decision, long nanos) {
        this.ask = ask;
        this.decision = decision;
        this.nanos = nanos;
    }

    /**
     * The policy asked under.
     *
     * @return the policy
     */
    public Policy policy() {
        return ask.policy();
    }

    /**
     * Who was limited, unreadably: the same key always gives the same hash.
     *
     * @return the key's {@link KeyHash}
     */
    public String keyHash() {
        return KeyHash.of(ask.key());
    }

    /**
     * The permits asked for.
     *
     * @return 0 or more
     */
    public long permits() {
        return ask.permits();
    }

    /**
     * What was limited.
     *
     * @return the type the caller gave
     */
    public LimitType type() {
        return ask.type();
    }

    /**
     * The decision.
     *
     * @return what the caller learns
     */
    public Decision decision() {
        return decision;
    }

    /**
     * Where the decision was made.
     *
     * @return the decision's source
     */
    public Decision.Source source() {
        return decision.source();
    }

    /**
     * How long the decision took, from the question to the answer.
     *
     * @return some nanoseconds or more; requests under several policies at once took it together
     */
    public Duration duration() {
        return Duration.ofNanos(nanos);
    }

    /**
     * Whether a key was granted its permits and has by that used 80 % of the limit or more. Of several limits the one with
     * the fewest permits left is compared with the smallest; what is granted while the store is away is never near.
     *
     * @return {@code true} if whoever is limited may soon be denied
     */
    public boolean isNearLimit() {
        return isNearLimit(ask.policy(), decision);
    }

    static boolean isNearLimit(Policy policy, Decision decision) {
        return decision instanceof Decision.Allowed allowed && allowed.source() != Decision.Source.FALLBACK
                && allowed.remaining() <= policy.capacity() / LEFT_WHEN_NEAR;
    }

    /** Names the policy and the outcome; never the key. */
    @Override
    public String toString() {
        return "RateLimitEvent[policy=" + policy().name() + ", permits=" + permits() + ", decision=" + decision + "]";
    }
}
