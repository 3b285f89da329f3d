package io.github.micronautratelimit;

/**
 * The store is there, but what it is asked cannot be done: a key of the wrong type, a script it refuses, keys it cannot
 * decide together. A fault of the code or the set-up, which no waiting cures.
 *
 * <p>A backend that completes a stage with this exception says so: the policy's {@link OnError} answers as always, but
 * the failure is logged as an error, and is no reason for the {@link Guard} to stop asking.
 */
public class RateLimitDefectException extends RateLimitBackendException {

    private static final long serialVersionUID = 1L;

    /**
     * A defect.
     *
     * @param cause what the store or its client threw
     */
    public RateLimitDefectException(Throwable cause) {
        super("The rate limit store cannot do what it is asked: " + cause.getMessage(), cause, true);
    }
}
