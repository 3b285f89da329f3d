package io.github.micronautratelimit;

/**
 * Thrown if the store rejects a call because of load, and has not executed it: a key, a table or an account receives
 * more calls than the store allows. The store itself is available.
 *
 * <p>The {@link OnError} of the policy decides, as for any failure. The failure does not count for the circuit breaker,
 * because other keys are not affected. If the backend {@linkplain RateLimitBackend#prefersCoalescing() prefers
 * coalescing}, the call is repeated before it fails.
 */
public class StoreThrottledException extends RateLimitBackendException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception without a stack trace, because a busy key causes many of them.
     *
     * @param cause the exception of the store or its client
     */
    public StoreThrottledException(Throwable cause) {
        super("The rate limit store throttles the call: " + cause.getMessage(), cause, false);
    }
}
