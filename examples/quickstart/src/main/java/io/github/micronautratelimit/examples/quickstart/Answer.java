package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.http.RateLimitAttributes;
import io.micronaut.http.HttpRequest;
import io.micronaut.serde.annotation.Serdeable;

/**
 * What an endpoint says to a request that was let through.
 *
 * @param message what was done
 * @param left    the permits left for the next requests
 */
@Serdeable
record Answer(String message, long left) {

    /** An answer on a limited route, which tells what the limiter decided before the route was called. */
    static Answer to(HttpRequest<?> request, String message) {
        long left = RateLimitAttributes.decisions(request).orElseThrow().each().stream()
                .mapToLong(Decision::remaining).min().orElseThrow();
        return new Answer(message, left);
    }
}
