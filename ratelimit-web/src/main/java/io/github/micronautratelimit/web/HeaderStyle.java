package io.github.micronautratelimit.web;

/** The headers that tell clients about their limits. */
public enum HeaderStyle {

    /** {@code RateLimit-Policy} and {@code RateLimit} of draft-ietf-httpapi-ratelimit-headers. */
    IETF(true, false),

    /** {@code X-RateLimit-Limit}, {@code X-RateLimit-Remaining} and {@code X-RateLimit-Reset}. */
    LEGACY(false, true),

    /** The headers of both styles. */
    BOTH(true, true),

    /** Only {@code Retry-After}. */
    NONE(false, false);

    final boolean ietf;
    final boolean legacy;

    HeaderStyle(boolean ietf, boolean legacy) {
        this.ietf = ietf;
        this.legacy = legacy;
    }
}
