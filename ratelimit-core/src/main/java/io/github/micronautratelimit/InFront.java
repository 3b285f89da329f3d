package io.github.micronautratelimit;

/** A backend that answers some requests by itself and passes the others on. */
interface InFront {

    /** The backend behind. */
    RateLimitBackend of();
}
