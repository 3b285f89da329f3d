package io.github.micronautratelimit.http;

import java.util.Optional;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.intercept.LimitedRequest;
import io.micronaut.http.HttpRequest;

/** What was decided on a request, for controllers and filters that want to tell the client. */
public final class RateLimitAttributes {

    private RateLimitAttributes() {
    }

    /**
     * The decisions on a request.
     *
     * @param request the request
     * @return all decisions made so far; empty if no limit applies
     */
    public static Optional<Decisions> decisions(HttpRequest<?> request) {
        LimitedRequest limited = LimitedRequest.of(request);
        return limited == null ? Optional.empty() : Optional.ofNullable(limited.decisions());
    }
}
