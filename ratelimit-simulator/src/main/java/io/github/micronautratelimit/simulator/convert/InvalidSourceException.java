package io.github.micronautratelimit.simulator.convert;

/** A file of another product cannot be converted; the message says what to pass instead. */
public final class InvalidSourceException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message one sentence: state, cause, action
     */
    public InvalidSourceException(String message) {
        super(message);
    }
}
