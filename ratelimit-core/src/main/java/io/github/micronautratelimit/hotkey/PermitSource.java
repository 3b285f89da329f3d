package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import java.util.concurrent.CompletionStage;

/** Takes and refunds permits without a fallback: fails where a guard would decide by on-error. */
public interface PermitSource {

    /**
     * Returns whether calls for a key go to the store.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     * @return {@code false} during an outage
     */
    boolean isAvailable(Policy policy, String key);

    /**
     * Acquires permits in advance of requests.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the permits
     * @return the decision of the store
     */
    CompletionStage<Decision> acquire(Policy policy, String key, long permits);

    /**
     * Refunds permits that were not granted.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the permits
     * @param chargedAtMicros the time of their charge; see {@link Decision.Allowed#chargedAtMicros}
     * @return completes when the store has refunded them
     */
    CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros);
}
