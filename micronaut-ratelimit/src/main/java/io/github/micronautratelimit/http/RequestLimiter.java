package io.github.micronautratelimit.http;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.LimitType;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.PolicyChoice;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.intercept.AnnotatedLimits;
import io.github.micronautratelimit.intercept.AppliedLimit;
import io.github.micronautratelimit.intercept.LimitedRequest;
import io.github.micronautratelimit.intercept.RequestExecutor;
import io.github.micronautratelimit.key.Keys;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.SetupWarning;
import io.github.micronautratelimit.web.SetupWarnings;
import io.github.micronautratelimit.web.WebRequest;
import io.github.micronautratelimit.websocket.Upgrades;
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
    private final PolicyChoice choice;
    private final RateLimiter limiter;
    private final RequestExecutor executor;
    private final Denials denials;
    private final SetupWarnings warnings;
    private final Upgrades upgrades;
    private final HeldPlaces held;
    private final Map<RouteInfo<?>, RouteLimits> routes = new ConcurrentHashMap<>();
    private volatile RouteLimits withoutRoute = RouteLimits.none();

    RequestLimiter(AnnotatedLimits annotated, PathRules rules, Keys keys, PolicyChoice choice, RateLimiter limiter,
                   RequestExecutor executor, Denials denials, SetupWarnings warnings, Upgrades upgrades,
                   HeldPlaces held) {
        this.annotated = annotated;
        this.rules = rules;
        this.keys = keys;
        this.choice = choice;
        this.limiter = limiter;
        this.executor = executor;
        this.denials = denials;
        this.warnings = warnings;
        this.upgrades = upgrades;
        this.held = held;
    }

    /** Forgets what was read of routes, after it has changed. */
    void reload() {
        routes.clear();
        withoutRoute = RouteLimits.none();
    }

    /**
     * The first stage. Completes with nothing if the request may go on, else with the answer, or with a
     * {@link RateLimitExceededException} for the framework to handle.
     */
    CompletableFuture<Optional<HttpResponse<?>>> beforeAuthentication(HttpRequest<?> request) {
        RouteMatch<?> route = RouteAttributes.getRouteMatch(request).orElse(null);
        RouteLimits ofRoute = route == null ? withoutRoute : limitsOf(request, route);
        if (ofRoute.isEmpty() && rules.isEmpty()) {
            return PROCEED;
        }
        if (isExcluded(ofRoute, request.getPath())) {
            if (!ofRoute.isEmpty()) {
                warnings.warn(SetupWarning.EXCLUDED, ofRoute.name());
            }
            LimitedRequest.begin(request, ofRoute.method, List.of(), List.of());
            return PROCEED;
        }
        List<AppliedLimit> before = ofRoute.before;
        List<AppliedLimit> after = ofRoute.after;
        if (!rules.isEmpty() && !ofRoute.exempt) {
            RequestPath path = new RequestPath(request.getPath());
            before = joined(before, rules.of(request, path, false));
            after = joined(after, rules.of(request, path, true));
        }
        LimitedRequest limited = LimitedRequest.begin(request, ofRoute.method, after, ofRoute.left);
        return decide(request, ofRoute.socket && upgrades.isUpgrade(request) ? limited.asUpgrade() : limited, before);
    }

    private RouteLimits limitsOf(HttpRequest<?> request, RouteMatch<?> route) {
        RouteLimits known = routes.get(route.getRouteInfo());
        return known != null ? known : routes.computeIfAbsent(route.getRouteInfo(), info -> read(request, route));
    }

    private boolean isExcluded(RouteLimits route, String path) {
        Judged last = route.last.get();
        if (last == null || !last.path.equals(path)) {
            last = new Judged(path, rules.excludes(new RequestPath(path)));
            route.last.set(last);
        }
        return last.excluded;
    }

    /** The second stage; completes like the first. */
    CompletableFuture<Optional<HttpResponse<?>>> afterAuthentication(HttpRequest<?> request) {
        LimitedRequest limited = LimitedRequest.of(request);
        if (limited == null) {
            return PROCEED;
        }
        CompletableFuture<Optional<HttpResponse<?>>> answer = decide(request, limited, limited.afterAuthentication());
        return !limited.isUpgrade() ? answer : answer.thenApply(denial -> {
            if (denial.isEmpty()) {
                upgrades.granted(request);
            }
            return denial;
        });
    }

    private CompletableFuture<Optional<HttpResponse<?>>> decide(HttpRequest<?> request, LimitedRequest limited,
                                                               List<AppliedLimit> limits) {
        if (limits.isEmpty()) {
            return PROCEED;
        }
        CompletableFuture<Lease> leased = limiter.leaseAllAsync(asks(request, limited, limits)).toCompletableFuture();
        if (!leased.isDone() || leased.isCompletedExceptionally()) {
            return leased.thenApplyAsync(made -> conclude(request, limited, made, executor.keepsThread(request)),
                    executor.of(request));
        }
        Optional<HttpResponse<?>> answer = conclude(request, limited, leased.join(), true);
        return answer.isEmpty() ? PROCEED : CompletableFuture.completedFuture(answer);
    }

    private Optional<HttpResponse<?>> conclude(HttpRequest<?> request, LimitedRequest limited, Lease lease,
                                               boolean onItsThread) {
        Decisions made = lease.decisions();
        Decisions before = limited.decisions();
        if (made.allowed()) {
            if (lease.hasPlaces()) {
                hold(request, limited, lease);
            }
            limited.decided(before == null ? made : before.and(made));
            return Optional.empty();
        }
        if (before != null) {
            giveBack(before);
            limited.atEnd().end();
        }
        limited.decided(made);
        if (limited.isUpgrade()) {
            upgrades.refused(request, made);
        }
        RateLimitExceededException denial = new RateLimitExceededException(made);
        if (onItsThread) {
            return Optional.of(denials.answer(request, denial));
        }
        throw denial;
    }

    /** Until the response is written or the client gone, whichever is first. */
    private void hold(HttpRequest<?> request, LimitedRequest limited, Lease lease) {
        limited.atEnd().add(held.hold(lease));
        limited.atEnd().add(executor.whenGone(request, limited.atEnd()::end));
    }

    /** Gives back what the store has charged; what was granted without it is not the store's to give. */
    private void giveBack(Decisions taken) {
        for (int i = 0; i < taken.each().size(); i++) {
            if (taken.each().get(i).source().isCharged()) {
                Ask ask = taken.asks().get(i);
                limiter.refundAsync(ask.policy(), ask.key(), ask.permits());
            }
        }
    }

    private List<Ask> asks(HttpRequest<?> request, LimitedRequest limited, List<AppliedLimit> limits) {
        WebRequest read = keys.of(request);
        LimitType type = limited.isUpgrade() ? LimitType.WS_CONNECTION : LimitType.HTTP;
        if (limits.size() == 1) {
            return List.of(ask(request, read, limits.get(0), type));
        }
        List<Ask> asks = new ArrayList<>(limits.size());
        for (AppliedLimit limit : limits) {
            asks.add(ask(request, read, limit, type));
        }
        return asks;
    }

    private Ask ask(HttpRequest<?> request, WebRequest read, AppliedLimit limit, LimitType type) {
        String key = keys.keyOf(Objects.requireNonNull(limit.key()), read);
        return new Ask(choice.of(limit.policy(), key, request), key, keys.permitsOf(limit.cost(), read), type);
    }

    private record Judged(String path, boolean excluded) {
    }

    /**
     * The limits of a route by who enforces them when; those left need the arguments of the call. Most routes have one
     * path: whether the last one was excluded is remembered.
     */
    private record RouteLimits(@Nullable ExecutableMethod<?, ?> method, boolean socket, boolean exempt,
                               List<AppliedLimit> before, List<AppliedLimit> after, List<AppliedLimit> left,
                               AtomicReference<@Nullable Judged> last) {

        static RouteLimits none() {
            return new RouteLimits(null, false, false, List.of(), List.of(), List.of(), new AtomicReference<>());
        }

        boolean isEmpty() {
            return before.isEmpty() && after.isEmpty() && left.isEmpty() && !socket;
        }

        String name() {
            return method == null ? "A route"
                    : method.getDeclaringType().getName() + "." + method.getDescription(true);
        }
    }

    private RouteLimits read(HttpRequest<?> request, RouteMatch<?> route) {
        if (!(route instanceof MethodBasedRouteMatch<?, ?> match)) {
            return withoutRoute;
        }
        ExecutableMethod<?, ?> method = match.getExecutableMethod();
        Class<?> type = match.getRouteInfo().getDeclaringType();
        boolean socket = annotated.isSocket(method);
        List<AppliedLimit> limits = socket ? annotated.ofConnections(type, method) : annotated.of(type, method);
        Map<Boolean, List<AppliedLimit>> byAdvice =
                limits.stream().collect(Collectors.partitioningBy(AppliedLimit::needsArguments));
        Map<Boolean, List<AppliedLimit>> byStage = byAdvice.get(false).stream()
                .collect(Collectors.partitioningBy(limit -> limit.isAfterAuthentication(keys)));
        RouteLimits read = new RouteLimits(method, socket, annotated.isExempt(method), byStage.get(false),
                byStage.get(true), byAdvice.get(true), new AtomicReference<>());
        RequestPath path = new RequestPath(request.getPath());
        warnIfClientsChoice(read.name(), read.exempt ? limits
                : joined(joined(limits, rules.of(request, path, false)), rules.of(request, path, true)));
        return read;
    }

    private void warnIfClientsChoice(String route, List<AppliedLimit> limits) {
        if (!limits.isEmpty() && limits.stream().allMatch(AppliedLimit::isClientsChoice)) {
            warnings.warn(SetupWarning.CLIENT_CHOOSES_KEY, route, limits.stream().map(AppliedLimit::key).toList());
        }
    }

    private static List<AppliedLimit> joined(List<AppliedLimit> limits, List<AppliedLimit> further) {
        if (limits.isEmpty() || further.isEmpty()) {
            return limits.isEmpty() ? further : limits;
        }
        List<AppliedLimit> all = new ArrayList<>(limits);
        all.addAll(further);
        return all;
    }
}
