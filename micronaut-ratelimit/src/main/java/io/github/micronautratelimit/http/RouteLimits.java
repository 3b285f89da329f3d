package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.policy.AnnotationLimits;
import io.github.micronautratelimit.policy.DefaultLimit;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.policy.PathRules;
import io.github.micronautratelimit.policy.RoutePath;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.RequestPath;
import io.micronaut.http.HttpRequest;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.web.router.MethodBasedRouteMatch;
import io.micronaut.web.router.RouteAttributes;
import io.micronaut.web.router.RouteInfo;
import io.micronaut.web.router.RouteMatch;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds the limits of a request: the annotations of its route, which are read once per route, and the path rules, which
 * are matched with each request. {@code ratelimit.exclude} and {@code @NoRateLimit} are applied here.
 */
@Singleton
@RequiresRateLimit
final class RouteLimits {

    private final AnnotationLimits annotations;
    private final PathRules rules;
    private final DefaultLimit defaultLimit;
    private final StaticFiles files;
    private final KeyResolution keys;
    private final ConfigurationWarnings warnings;
    private final @Nullable UpgradeHandler upgrades;
    private final Map<RouteInfo<?>, Route> routes = new ConcurrentHashMap<>();
    private volatile Route noRoute = new Route(StagedLimits.none(null, null), null, false, false);

    RouteLimits(
            AnnotationLimits annotations,
            PathRules rules,
            DefaultLimit defaultLimit,
            StaticFiles files,
            KeyResolution keys,
            ConfigurationWarnings warnings,
            @Nullable UpgradeHandler upgrades) {
        this.annotations = annotations;
        this.rules = rules;
        this.defaultLimit = defaultLimit;
        this.files = files;
        this.keys = keys;
        this.warnings = warnings;
        this.upgrades = upgrades;
    }

    /** Discards the cached routes after the configuration has changed. */
    void reload() {
        routes.clear();
        noRoute = new Route(StagedLimits.none(null, null), null, false, false);
    }

    /** Returns the limits of a request, or {@code null} if no limit can apply to it. */
    @Nullable
    StagedLimits of(HttpRequest<?> request) {
        Route route = routeOf(request);
        LimitBinding ofOthers = defaultLimit.get();
        if (route.isUnlimited() && rules.isEmpty() && (ofOthers == null || !route.takesDefault)) {
            return null;
        }
        Exclusion exclusion = exclusion(route, request.getPath());
        if (exclusion.excluded) {
            if (!route.isUnlimited()) {
                warnings.warn(ConfigurationWarning.EXCLUDED, route.name());
            }
            return StagedLimits.none(route.limits.method(), route.limits.routeClass());
        }
        UpgradeHandler upgrade = route.webSocket && upgrades != null && upgrades.isUpgrade(request) ? upgrades : null;
        StagedLimits limits = route.limits;
        if (!rules.isEmpty() && !route.exempt) {
            RequestPath path = exclusion.readings;
            PathRules.Skipped kind = kind(request, route, upgrade);
            limits = limits.and(
                    rules.of(request, path, false, exclusion.fromRules, kind),
                    rules.of(request, path, true, exclusion.fromRules, kind));
        }
        if (ofOthers != null && route.takesDefault && exclusion.fromRules == null && limits.isEmpty()) {
            limits = defaultLimit.isAfterAuthentication()
                    ? limits.and(List.of(), List.of(ofOthers))
                    : limits.and(List.of(ofOthers), List.of());
        }
        return upgrade == null ? limits : limits.withUpgrade(upgrade);
    }

    /** Returns the name of the method of a request's route; {@code null} if there is no route. */
    @Nullable
    String nameOf(HttpRequest<?> request) {
        ExecutableMethod<?, ?> method = routeOf(request).limits.method();
        return method == null ? null : method.getDeclaringType().getName() + "." + method.getMethodName();
    }

    /** Returns the kind of a request that rules may leave out. Only a route of a WebSocket has upgrades. */
    private PathRules.@Nullable Skipped kind(HttpRequest<?> request, Route route, @Nullable UpgradeHandler upgrade) {
        if (upgrade != null) {
            return PathRules.Skipped.UPGRADES;
        }
        return route == noRoute && rules.skipAssets() && files.isFile(request) ? PathRules.Skipped.ASSETS : null;
    }

    private Route routeOf(HttpRequest<?> request) {
        RouteMatch<?> match = RouteAttributes.getRouteMatch(request).orElse(null);
        if (match == null) {
            return noRoute;
        }
        Route cached = routes.get(match.getRouteInfo());
        return cached != null ? cached : routes.computeIfAbsent(match.getRouteInfo(), info -> read(request, match));
    }

    /** Caches the last path of each route, because most routes have one path, and reads each path once. */
    private Exclusion exclusion(Route route, String path) {
        Exclusion last = route.lastExclusion;
        if (last == null || !last.path.equals(path)) {
            RequestPath readings = new RequestPath(path);
            last = new Exclusion(
                    path, readings, rules.excludes(readings), rules.defaultExclusion(readings, route.path));
            route.lastExclusion = last;
        }
        return last;
    }

    private Route read(HttpRequest<?> request, RouteMatch<?> match) {
        if (!(match instanceof MethodBasedRouteMatch<?, ?> methodMatch)) {
            return noRoute;
        }
        ExecutableMethod<?, ?> method = methodMatch.getExecutableMethod();
        Class<?> type = methodMatch.getRouteInfo().getDeclaringType();
        boolean webSocket = annotations.isWebSocket(method);
        List<LimitBinding> limits =
                webSocket ? annotations.ofConnections(type, method) : annotations.ofRequests(type, method);
        Route route = new Route(
                staged(method, type, limits),
                rules.pathOf(match.getRouteInfo(), method),
                webSocket,
                annotations.isExempt(method));
        warnIfClientChoosesKey(request, route, limits);
        return route;
    }

    private StagedLimits staged(ExecutableMethod<?, ?> method, Class<?> type, List<LimitBinding> limits) {
        List<LimitBinding> beforeAuthentication = new ArrayList<>();
        List<LimitBinding> afterAuthentication = new ArrayList<>();
        List<LimitBinding> withArguments = new ArrayList<>();
        for (LimitBinding limit : limits) {
            if (limit.needsArguments()) {
                withArguments.add(limit);
            } else if (limit.isAfterAuthentication(keys)) {
                afterAuthentication.add(limit);
            } else {
                beforeAuthentication.add(limit);
            }
        }
        return new StagedLimits(method, type, beforeAuthentication, afterAuthentication, withArguments, null);
    }

    private void warnIfClientChoosesKey(HttpRequest<?> request, Route route, List<LimitBinding> annotated) {
        RequestPath path = new RequestPath(request.getPath());
        List<LimitBinding> limits = route.exempt
                ? annotated
                : Stream.of(
                                annotated,
                                rules.of(request, path, false, null, null),
                                rules.of(request, path, true, null, null))
                        .flatMap(List::stream)
                        .toList();
        if (!limits.isEmpty() && limits.stream().allMatch(LimitBinding::isChosenByClient)) {
            warnings.warn(
                    ConfigurationWarning.CLIENT_CHOOSES_KEY,
                    route.name(),
                    limits.stream()
                            .flatMap(limit -> limit.keysChosenByClient().stream())
                            .toList());
        }
    }

    /**
     * The exclusion of a path.
     *
     * @param path      the path
     * @param readings  its readings
     * @param excluded  whether no limit at all applies
     * @param fromRules the default exclusion, which exempts the path from rules, or {@code null}
     */
    private record Exclusion(String path, RequestPath readings, boolean excluded, @Nullable PathRule fromRules) {}

    private static final class Route {

        private final StagedLimits limits;
        private final @Nullable RoutePath path;
        private final boolean webSocket;
        private final boolean exempt;
        /** {@code true} if the default limit applies where no rule does. */
        private final boolean takesDefault;

        private volatile @Nullable Exclusion lastExclusion;

        Route(StagedLimits limits, @Nullable RoutePath path, boolean webSocket, boolean exempt) {
            this.limits = limits;
            this.path = path;
            this.webSocket = webSocket;
            this.exempt = exempt;
            this.takesDefault = limits.method() != null && limits.isEmpty() && !exempt;
        }

        /** A WebSocket without limits on connections may have limits on messages. */
        boolean isUnlimited() {
            return limits.isEmpty() && !webSocket;
        }

        String name() {
            ExecutableMethod<?, ?> method = limits.method();
            return method == null ? "A route" : method.getDeclaringType().getName() + "." + method.getDescription(true);
        }
    }
}
