package io.github.micronautratelimit.http;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.RateLimitExceededException;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.web.router.RouteAttributes;
import java.util.Optional;

/** Gives controllers and filters access to the decisions on a request. */
public final class RateLimitAttributes {

    private RateLimitAttributes() {}

    /**
     * Returns the decisions on a request so far.
     *
     * @param request the request
     * @return the decisions; empty if no limit applies
     */
    public static Optional<Decisions> decisions(HttpRequest<?> request) {
        RateLimitContext context = RateLimitContext.of(request);
        return context == null ? Optional.empty() : Optional.ofNullable(context.decisions());
    }

    /**
     * Returns the decisions on a request that has a response, for response filters.
     *
     * @param request  the request
     * @param response the response
     * @return the decisions on the request; those on the method call if a bean that it called was denied; empty if no
     *         limit applied
     */
    public static Optional<Decisions> decisions(HttpRequest<?> request, HttpResponse<?> response) {
        if (response.code() >= HttpStatus.BAD_REQUEST.getCode()
                && RouteAttributes.getException(response).orElse(null) instanceof RateLimitExceededException denial) {
            return Optional.of(denial.decisions());
        }
        return decisions(request);
    }
}
