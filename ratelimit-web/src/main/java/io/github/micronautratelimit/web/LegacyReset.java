package io.github.micronautratelimit.web;

/** What {@code X-RateLimit-Reset} counts, on which its users never agreed. */
public enum LegacyReset {

    /** Seconds from now. */
    SECONDS,

    /** Seconds since the epoch. */
    EPOCH
}
