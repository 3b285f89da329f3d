package io.github.micronautratelimit;

/** What is limited: what listeners and metrics tell apart. It changes no decision. */
public enum LimitType {

    /** A request over HTTP, decided before it reaches its route. */
    HTTP,

    /** A call of a method. */
    METHOD,

    /** The opening of a WebSocket. */
    WS_CONNECTION,

    /** A message that came over a WebSocket. */
    WS_MESSAGE,

    /** Whatever the application's own code asks a {@link RateLimiter} for. */
    CODE
}
