package io.github.micronautratelimit.web;

/** Which headers tell a client how it stands. */
public enum HeaderStyle {

    /** {@code RateLimit-Policy} and {@code RateLimit}, as draft-ietf-httpapi-ratelimit-headers has them. */
    IETF(true, false),

    /** {@code X-RateLimit-Limit}, {@code X-RateLimit-Remaining} and {@code X-RateLimit-Reset}. */
    LEGACY(false, true),

    /** The headers of both styles. */
    BOTH(true, true),

    /** No headers but {@code Retry-After}. */
    NONE(false, false);

    final boolean ietf;
    final boolean legacy;

    HeaderStyle(boolean ietf, boolean legacy) {
        this.ietf = ietf;
        this.legacy = legacy;
    }
}
