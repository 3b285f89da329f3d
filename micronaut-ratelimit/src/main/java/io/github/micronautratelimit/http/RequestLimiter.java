package io.github.micronautratelimit.http;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.intercept.AnnotatedLimits;
import io.github.micronautratelimit.intercept.AppliedLimit;
import io.github.micronautratelimit.intercept.CountedRoute;
import io.github.micronautratelimit.key.KeyTemplate;
import io.github.micronautratelimit.key.Keys;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.web.router.MethodBasedRouteMatch;
import io.micronaut.web.router.RouteAttributes;
import io.micronaut.web.router.RouteInfo;
import io.micronaut.web.router.RouteMatch;
import jakarta.inject.Singleton;

/**
 * Decides on a request in two stages: before authentication under the limits whose keys need no user, so that attempts
 * to log in are counted too, and after it under the others. All of a request's limits are all or nothing: what the
 * first stage took is given back if the second denies.
 */
@Singleton
@RequiresRateLimit
final class RequestLimiter {

    private static final CompletableFuture<Optional<HttpResponse<?>>> PROCEED =
            CompletableFuture.completedFuture(Optional.empty());

    private final AnnotatedLimits annotated;
    private final PathRules rules;
    private final Keys keys;
    private final RateLimiter limiter;
    private final RequestExecutor executor;
    private final Denials denials;
    private final Map<RouteInfo<?>, List<AppliedLimit>> routes = new ConcurrentHashMap<>();

    enum Stage {
        BEFORE_AUTHENTICATION, AFTER_AUTHENTICATION
    }

    RequestLimiter(AnnotatedLimits annotated, PathRules rules, Keys keys, RateLimiter limiter,
                   RequestExecutor executor, Denials denials) {
        this.annotated = annotated;
        this.rules = rules;
        this.keys = keys;
        this.limiter = limiter;
        this.executor = executor;
        this.denials = denials;
    }

    /**
     * Completes with nothing if the request may go on, else with the answer, or with a {@link RateLimitExceededException}
     * for the framework to handle.
     */
    CompletableFuture<Optional<HttpResponse<?>>> decide(HttpRequest<?> request, Stage stage) {
        List<Ask> asks = asks(request, stage);
        if (asks.isEmpty()) {
            return PROCEED;
        }
        CompletableFuture<Decisions> decisions = limiter.acquireAllAsync(asks).toCompletableFuture();
        return decisions.isDone()
                ? decisions.thenApply(made -> conclude(request, made, true))
                : decisions.thenApplyAsync(made -> conclude(request, made, executor.keepsThread(request)),
                        executor.of(request));
    }

    private Optional<HttpResponse<?>> conclude(HttpRequest<?> request, Decisions decisions, boolean onItsThread) {
        Decisions before = RateLimitAttributes.decisions(request).orElse(null);
        if (decisions.allowed()) {
            RateLimitAttributes.set(request, before == null ? decisions : before.and(decisions));
            return Optional.empty();
        }
        if (before != null) {
            for (Ask taken : before.asks()) {
                limiter.refundAsync(taken.policy(), taken.key(), taken.permits());
            }
        }
        RateLimitAttributes.set(request, decisions);
        RateLimitExceededException denial = new RateLimitExceededException(decisions);
        if (onItsThread) {
            return Optional.of(denials.answer(request, denial));
        }
        throw denial;
    }

    private List<Ask> asks(HttpRequest<?> request, Stage stage) {
        RouteMatch<?> route = RouteAttributes.getRouteMatch(request).orElse(null);
        List<AppliedLimit> ofRoute = route == null ? List.of() : routes.computeIfAbsent(route.getRouteInfo(),
                info -> read(route));
        if (ofRoute.isEmpty() && rules.isEmpty()) {
            return List.of();
        }
        ExecutableMethod<?, ?> method = route instanceof MethodBasedRouteMatch<?, ?> match
                ? match.getExecutableMethod() : null;
        if (rules.excludes(request)) {
            if (method != null) {
                CountedRoute.exempt(request, method);
            }
            return List.of();
        }
        if (method != null) {
            CountedRoute.count(request, method);
        }
        List<Ask> asks = new ArrayList<>();
        add(asks, ofRoute, request, stage);
        if (!rules.isEmpty() && (method == null || !annotated.isExempt(method))) {
            add(asks, rules.of(request), request, stage);
        }
        return asks;
    }

    private List<AppliedLimit> read(RouteMatch<?> route) {
        return route instanceof MethodBasedRouteMatch<?, ?> match
                ? annotated.of(match.getRouteInfo().getDeclaringType(), match.getExecutableMethod())
                : List.of();
    }

    private void add(List<Ask> asks, List<AppliedLimit> limits, HttpRequest<?> request, Stage stage) {
        for (AppliedLimit limit : limits) {
            KeyTemplate key = limit.key();
            if (key == null || limit.needsArguments() || stageOf(limit, key) != stage) {
                continue;
            }
            KeyTemplate cost = limit.cost().template();
            long permits = limit.cost().permits(cost == null ? null : keys.valueOf(cost, request));
            asks.add(new Ask(limit.policy(), keys.keyOf(key, request), permits));
        }
    }

    private Stage stageOf(AppliedLimit limit, KeyTemplate key) {
        KeyTemplate cost = limit.cost().template();
        return keys.afterAuthentication(key) || cost != null && keys.afterAuthentication(cost)
                ? Stage.AFTER_AUTHENTICATION
                : Stage.BEFORE_AUTHENTICATION;
    }
}
