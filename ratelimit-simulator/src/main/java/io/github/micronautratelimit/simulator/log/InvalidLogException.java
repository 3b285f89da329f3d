package io.github.micronautratelimit.simulator.log;

/** A log, a format or an option of them cannot be used; the message says what to pass instead. */
public final class InvalidLogException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message one sentence: state, cause, action
     */
    public InvalidLogException(String message) {
        super(message);
    }
}
