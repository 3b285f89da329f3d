package io.github.micronautratelimit;

/**
 * Thrown if the store is available but cannot execute a call, and a retry would not help: a key of the wrong type, a
 * rejected script, a missing permission. The cause is the code or the configuration.
 *
 * <p>The {@link OnError} of the policy decides, as for any failure. The failure is logged as an error and does not open
 * the circuit breaker.
 */
public class NonRetryableStoreException extends RateLimitBackendException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception from the failure of a store.
     *
     * @param cause the exception of the store or its client
     */
    public NonRetryableStoreException(Throwable cause) {
        super("The rate limit store cannot execute the call: " + cause.getMessage(), cause, true);
    }
}
