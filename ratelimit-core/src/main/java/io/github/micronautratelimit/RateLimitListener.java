package io.github.micronautratelimit;

/**
 * Is told of every decision: for alarms, an audit, or whatever a user wants to do about it.
 *
 * <p>No request waits for a listener. Each limiter tells its listeners on a thread of its own, one event after the other and
 * in the listeners' order. Up to {@value #QUEUE} events wait for that thread; what comes while as many wait is not told, but
 * counted, see {@link LimiterStats#eventsDropped()}. A listener that cannot bear either says that it is {@link #isInline}.
 *
 * <p>What a listener throws is logged the first time and counted, and changes nothing. All methods do nothing by default.
 */
public interface RateLimitListener {

    /** The most events that wait to be told. */
    int QUEUE = 10_000;

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
     * @param failure under which policy, and why
     */
    default void onError(RateLimitFailure failure) {
    }

    /**
     * Whether to be told on the thread that learnt the decision, before the caller learns it. No event is dropped then, but
     * every request waits: such a listener is quick, never blocks, and is called by many threads at once.
     *
     * @return {@code false} unless overridden; always the same
     */
    default boolean isInline() {
        return false;
    }
}
