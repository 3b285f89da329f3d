package io.github.micronautratelimit;

/**
 * Receives every decision of a limiter, for alerts, audits or statistics.
 *
 * <p>No request waits for a listener. A limiter notifies its listeners on one thread of its own, event by event and in
 * the order of the listeners. Up to {@value #QUEUE} events wait in a queue; further events are dropped and counted in
 * {@link LimiterStats#eventsDropped()}. A listener that cannot accept drops or the delay returns {@code true} from
 * {@link #isInline}.
 *
 * <p>An exception of a listener is logged the first time and counted. It changes no decision. All methods do nothing by
 * default.
 */
public interface RateLimitListener {

    /** The capacity of the queue, in events. */
    int QUEUE = 10_000;

    /**
     * Receives a request that was allowed.
     *
     * @param event the decision
     */
    default void onAllow(RateLimitEvent event) {}

    /**
     * Receives a request that was denied.
     *
     * @param event the decision
     */
    default void onBlock(RateLimitEvent event) {}

    /**
     * Receives the decision of a policy in shadow mode, which the caller did not wait for: the request proceeded
     * whatever it is. See {@link Policy#withShadow}.
     *
     * @param event the decision that would have been enforced
     */
    default void onShadow(RateLimitEvent event) {}

    /**
     * Receives the decisions on one request by a policy and by its candidate. {@link #onAllow} or {@link #onBlock} also
     * receives the first one, before or after this. See {@link Policy#withCandidate}.
     *
     * @param enforced  the decision by the policy
     * @param candidate the decision by the candidate, under the name of its policy
     */
    default void onCandidate(RateLimitEvent enforced, RateLimitEvent candidate) {}

    /**
     * Receives a failed call to the store. If the {@link OnError} of the policy then decides, {@link #onAllow} or
     * {@link #onBlock} follows.
     *
     * @param failure the policy and the cause
     */
    default void onError(StoreFailure failure) {}

    /**
     * Returns whether the listener runs on the thread that completes the decision, before the caller receives it. No
     * event is dropped then, but every request waits. Such a listener must be fast, must not block and must be
     * thread-safe.
     *
     * @return {@code false} unless overridden; always the same value
     */
    default boolean isInline() {
        return false;
    }
}
