package io.github.micronautratelimit.http;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

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
    private final Map<RouteInfo<?>, RouteLimits> routes = new ConcurrentHashMap<>();

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
        RouteLimits ofRoute = route == null ? RouteLimits.NONE
                : routes.computeIfAbsent(route.getRouteInfo(), info -> read(route));
        if (ofRoute.isEmpty() && rules.isEmpty()) {
            return List.of();
        }
        boolean excluded = rules.excludes(request);
        if (ofRoute.method() != null) {
            CountedRoute.mark(request, ofRoute.method(), excluded ? List.of() : ofRoute.left());
        }
        if (excluded) {
            return List.of();
        }
        List<Ask> asks = new ArrayList<>();
        for (AppliedLimit limit : ofRoute.of(stage)) {
            add(asks, limit, request);
        }
        if (!rules.isEmpty() && !ofRoute.exempt()) {
            for (AppliedLimit limit : rules.of(request)) {
                if (stageOf(limit) == stage) {
                    add(asks, limit, request);
                }
            }
        }
        return asks;
    }

    /** The limits of a route by who enforces them when. */
    private record RouteLimits(@Nullable ExecutableMethod<?, ?> method, boolean exempt, List<AppliedLimit> before,
                               List<AppliedLimit> after, List<AppliedLimit> left) {

        private static final RouteLimits NONE = new RouteLimits(null, false, List.of(), List.of(), List.of());

        boolean isEmpty() {
            return before.isEmpty() && after.isEmpty() && left.isEmpty();
        }

        List<AppliedLimit> of(Stage stage) {
            return stage == Stage.BEFORE_AUTHENTICATION ? before : after;
        }
    }

    private RouteLimits read(RouteMatch<?> route) {
        if (!(route instanceof MethodBasedRouteMatch<?, ?> match)) {
            return RouteLimits.NONE;
        }
        ExecutableMethod<?, ?> method = match.getExecutableMethod();
        List<AppliedLimit> limits = annotated.of(match.getRouteInfo().getDeclaringType(), method);
        Map<Boolean, List<AppliedLimit>> byAdvice =
                limits.stream().collect(Collectors.partitioningBy(AppliedLimit::needsArguments));
        Map<Stage, List<AppliedLimit>> byStage =
                byAdvice.get(false).stream().collect(Collectors.groupingBy(this::stageOf));
        return new RouteLimits(method, annotated.isExempt(method),
                byStage.getOrDefault(Stage.BEFORE_AUTHENTICATION, List.of()),
                byStage.getOrDefault(Stage.AFTER_AUTHENTICATION, List.of()), byAdvice.get(true));
    }

    private void add(List<Ask> asks, AppliedLimit limit, HttpRequest<?> request) {
        if (limit.key() != null) {
            KeyTemplate cost = limit.cost().template();
            long permits = limit.cost().permits(cost == null ? null : keys.valueOf(cost, request));
            asks.add(new Ask(limit.policy(), keys.keyOf(limit.key(), request), permits));
        }
    }

    private Stage stageOf(AppliedLimit limit) {
        KeyTemplate cost = limit.cost().template();
        return limit.key() != null && keys.afterAuthentication(limit.key())
                || cost != null && keys.afterAuthentication(cost)
                ? Stage.AFTER_AUTHENTICATION
                : Stage.BEFORE_AUTHENTICATION;
    }
}
