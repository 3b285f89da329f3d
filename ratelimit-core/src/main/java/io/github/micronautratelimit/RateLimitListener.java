package io.github.micronautratelimit;

/**
 * Is told of every decision: for metrics, logs, or whatever a user wants to do about it.
 *
 * <p>Called on the thread that learnt the decision, before the caller learns it: be quick and never block. Whatever a
 * listener throws is logged and changes nothing. All methods do nothing by default.
 */
public interface RateLimitListener {

    /**
     * A request was granted its permits.
     *
     * @param event what was decided
     */
    default void onAllow(RateLimitEvent event) {
    }

    /**
     * A request was denied.
     *
     * @param event what was decided
     */
    default void onBlock(RateLimitEvent event) {
    }

    /**
     * The store could not be asked. If the policy's {@link OnError} then decided, {@link #onAllow} or {@link #onBlock}
     * follows.
     *
     * @param policy  the policy it was asked under
     * @param failure what the store or its client threw
     */
    default void onError(Policy policy, Throwable failure) {
    }
}
