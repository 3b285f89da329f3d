package io.github.micronautratelimit.web;

/** The meaning of {@code X-RateLimit-Reset}, which differs between APIs. */
public enum LegacyReset {

    /** Seconds from now. */
    SECONDS,

    /** Seconds since the epoch. */
    EPOCH
}
