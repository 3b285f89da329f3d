package io.github.micronautratelimit.http;

import java.util.Optional;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.intercept.LimitedRequest;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.web.router.RouteAttributes;

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

    /**
     * The decisions on a request that is answered, for response filters.
     *
     * @param request  the request
     * @param response the answer
     * @return what was decided on the request; if a bean it called denied, what was decided there; empty if no limit applied
     */
    public static Optional<Decisions> decisions(HttpRequest<?> request, HttpResponse<?> response) {
        if (response.code() >= HttpStatus.BAD_REQUEST.getCode()
                && RouteAttributes.getException(response).orElse(null) instanceof RateLimitExceededException denial) {
            return Optional.of(denial.decisions());
        }
        return decisions(request);
    }
}
