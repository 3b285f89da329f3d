package io.github.micronautratelimit.http;

import java.util.Optional;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.core.annotation.NonBlocking;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.filter.ServerFilterPhase;

/**
 * Limits what needs no user to be known: by address, header or cookie. Runs before a user is authenticated, so that
 * attempts to log in are counted.
 */
@ServerFilter(ServerFilter.MATCH_ALL_PATTERN)
@RequiresRateLimit
final class BeforeAuthenticationFilter implements Ordered {

    private final RequestLimiter limiter;

    BeforeAuthenticationFilter(RequestLimiter limiter) {
        this.limiter = limiter;
    }

    @RequestFilter
    @NonBlocking
    CompletionStage<Optional<HttpResponse<?>>> decide(HttpRequest<?> request) {
        return limiter.beforeAuthentication(request);
    }

    @Override
    public int getOrder() {
        return ServerFilterPhase.SECURITY.before();
    }
}
