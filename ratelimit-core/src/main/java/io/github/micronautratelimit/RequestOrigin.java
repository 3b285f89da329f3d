package io.github.micronautratelimit;

/** The integration that makes a request, for listeners and metrics. It does not affect decisions. */
public enum RequestOrigin {

    /** An HTTP request, decided before it reaches its route. */
    HTTP,

    /** A method call. */
    METHOD,

    /** The handshake of a WebSocket. */
    WS_CONNECTION,

    /** A message received over a WebSocket. */
    WS_MESSAGE,

    /** A call of {@link RateLimiter} by the application's own code. */
    CODE
}
