package io.github.micronautratelimit.simulator;

/** An option or a file cannot be used; the message says what to pass instead. */
final class InvalidInputException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    InvalidInputException(String message) {
        super(message);
    }
}
