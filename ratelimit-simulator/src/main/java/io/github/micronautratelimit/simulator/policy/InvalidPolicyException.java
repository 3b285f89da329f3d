package io.github.micronautratelimit.simulator.policy;

/** A policy cannot be read, or cannot be replayed from a log; the message says what to pass instead. */
public final class InvalidPolicyException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message one sentence: state, cause, action
     */
    public InvalidPolicyException(String message) {
        super(message);
    }
}
