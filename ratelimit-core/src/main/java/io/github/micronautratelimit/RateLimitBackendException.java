package io.github.micronautratelimit;

import org.jspecify.annotations.Nullable;

/** The backend could not decide: its store failed, refused or did not answer in time. */
public class RateLimitBackendException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * A failure.
     *
     * @param cause what the store or its client threw
     */
    public RateLimitBackendException(Throwable cause) {
        super("The rate limit backend failed: " + cause.getMessage(), cause);
    }

    RateLimitBackendException(String message, @Nullable Throwable cause, boolean withStackTrace) {
        super(message, cause, true, withStackTrace);
    }
}
