package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.http.RateLimitAttributes;
import io.micronaut.http.HttpRequest;
import io.micronaut.serde.annotation.Serdeable;

/**
 * The body of a response to an allowed request.
 *
 * @param message   describes the result
 * @param remaining the permits for further requests
 */
@Serdeable
record ApiResponse(String message, long remaining) {

    /** Creates a response of a limited route. The filter has stored its decisions in the request. */
    static ApiResponse of(HttpRequest<?> request, String message) {
        long remaining = RateLimitAttributes.decisions(request).orElseThrow().list().stream()
                .mapToLong(Decision::remaining)
                .min()
                .orElseThrow();
        return new ApiResponse(message, remaining);
    }
}
