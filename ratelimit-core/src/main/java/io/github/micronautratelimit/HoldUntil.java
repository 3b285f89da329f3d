package io.github.micronautratelimit;

/** The end of an HTTP request at which the slot of a concurrency limit is released. */
public enum HoldUntil {

    /**
     * The response is written, or the client has disconnected or reset the stream of its request. The method of the
     * route may still run then, so a client that disconnects again and again can start more work than there are slots.
     */
    RESPONSE,

    /**
     * The response is written, or the client has disconnected and the method of the route has ended: it has returned
     * or thrown, and its stage or publisher has completed, failed or been cancelled. Limits the work, also that of
     * clients that do not wait for it.
     */
    COMPLETION
}
