package io.github.micronautratelimit;

import org.jspecify.annotations.Nullable;

/**
 * Thrown if the backend could not decide: its store failed, rejected the call or did not answer before the deadline.
 */
public class RateLimitBackendException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception from the failure of a store.
     *
     * @param cause the exception of the store or its client
     */
    public RateLimitBackendException(Throwable cause) {
        super("The rate limit backend failed: " + cause.getMessage(), cause);
    }

    /**
     * Creates an exception for a call that was not made.
     *
     * @param message        the state and the cause
     * @param cause          the exception behind it, or {@code null}
     * @param withStackTrace {@code false} for an exception that is thrown often or shared
     */
    protected RateLimitBackendException(String message, @Nullable Throwable cause, boolean withStackTrace) {
        super(message, cause, true, withStackTrace);
    }

    /**
     * Creates an exception without a stack trace for calls that are not made, such as those behind an open breaker.
     *
     * @param message the state and the cause
     * @return an exception that may be shared
     */
    public static RateLimitBackendException notCalled(String message) {
        return new RateLimitBackendException(message, null, false);
    }

    /**
     * Returns a failure as an exception of this type.
     *
     * @param failure what a stage failed with, unwrapped
     * @return the failure itself if it is of this type, otherwise a new exception with it as its cause
     */
    public static RateLimitBackendException of(Throwable failure) {
        return failure instanceof RateLimitBackendException known ? known : new RateLimitBackendException(failure);
    }
}
