package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.core.annotation.NonBlocking;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.filter.ServerFilterPhase;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** Enforces the limits that depend on the user, after authentication. */
@ServerFilter(value = ServerFilter.MATCH_ALL_PATTERN, appendContextPath = false)
@RequiresRateLimit
final class AfterAuthenticationFilter implements Ordered {

    private final RequestLimiter limiter;

    AfterAuthenticationFilter(RequestLimiter limiter) {
        this.limiter = limiter;
    }

    @RequestFilter
    @NonBlocking
    CompletionStage<Optional<HttpResponse<?>>> decide(HttpRequest<?> request) {
        return limiter.afterAuthentication(request);
    }

    @Override
    public int getOrder() {
        return ServerFilterPhase.SECURITY.after();
    }
}
