package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.configuration.ClientConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.micronaut.context.BeanContext;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.uri.UriMatchVariable;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.web.router.Router;
import io.micronaut.web.router.UriRouteInfo;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Checks what only all limits and routes together show: policies that no limit uses, rules for paths that no route has,
 * path variables that a route does not have, overrides for keys that never occur. Runs when the application has started
 * and after each change of the configuration.
 */
@Internal
@Singleton
@RequiresRateLimit
public class ReachabilityCheck {

    private static final String STATIC_RESOURCES = "micronaut.router.static-resources";

    private final BeanContext beans;
    private final Environment environment;
    private final AnnotationLimits annotations;
    private final PathRules rules;
    private final DefaultLimit defaultLimit;
    private final PolicyRegistry policies;
    private final OverrideKeys overrideKeys;
    private final ConfigurationWarnings warnings;

    /**
     * The number of limits in force.
     *
     * @param onRoutes     limits of annotations on routes
     * @param onBeans      limits of annotations on other methods
     * @param onWebSockets limits of annotations on connections and messages
     * @param onPaths      rules
     */
    public record Counts(int onRoutes, int onBeans, int onWebSockets, int onPaths) {}

    /** A route with its variables. */
    private record Route(Class<?> type, ExecutableMethod<?, ?> method, String template, Set<String> variables) {

        static Route of(UriRouteInfo<?, ?> info) {
            Set<String> variables = new TreeSet<>();
            for (UriMatchVariable variable : info.getUriMatchTemplate().getVariables()) {
                if (!variable.isQuery()) {
                    variables.add(variable.getName());
                }
            }
            return new Route(
                    info.getDeclaringType(),
                    info.getTargetMethod().getExecutableMethod(),
                    info.getUriMatchTemplate().toPathString(),
                    variables);
        }

        boolean isOf(Class<?> beanType) {
            return type.isAssignableFrom(beanType) || beanType.isAssignableFrom(type);
        }

        boolean isOf(AnnotatedMethod annotated) {
            return isOf(annotated.beanType())
                    && method.getMethodName().equals(annotated.method().getMethodName())
                    && Arrays.equals(
                            method.getArgumentTypes(), annotated.method().getArgumentTypes());
        }
    }

    ReachabilityCheck(
            BeanContext beans,
            Environment environment,
            AnnotationLimits annotations,
            PathRules rules,
            DefaultLimit defaultLimit,
            PolicyRegistry policies,
            OverrideKeys overrideKeys,
            ConfigurationWarnings warnings) {
        this.beans = beans;
        this.environment = environment;
        this.annotations = annotations;
        this.rules = rules;
        this.defaultLimit = defaultLimit;
        this.policies = policies;
        this.overrideKeys = overrideKeys;
        this.warnings = warnings;
    }

    /**
     * Checks all limits, and logs warnings.
     *
     * @return the numbers of limits
     * @throws ConfigurationException if a limit or an override can never apply
     */
    public Counts check() {
        List<Route> routes = routes();
        Map<AnnotatedMethod, List<LimitBinding>> annotated = annotations.byMethod();
        Collection<LimitBinding> all = Stream.concat(
                        annotated.values().stream().flatMap(List::stream),
                        Stream.concat(rules.all().stream(), defaultLimit.all().stream()))
                .toList();
        checkPathVariables(annotated, routes);
        checkRules(routes);
        checkCases(annotated, routes);
        overrideKeys.check(all);
        List<LimitBinding> variants =
                all.stream().flatMap(limit -> limit.variants().stream()).toList();
        variants.forEach(this::warnOfCostAboveLimit);
        variants.forEach(this::warnOfConstantKey);
        warnOfUnusedPolicies(all);
        Counts counts = counts(annotated, routes);
        if (counts.equals(new Counts(0, 0, 0, 0))
                && defaultLimit.get() == null
                && beans.getBeansOfType(ClientConfiguration.class).isEmpty()) {
            warnings.warn(ConfigurationWarning.NO_LIMITS);
        }
        return counts;
    }

    private List<Route> routes() {
        return beans.findBean(Router.class)
                .map(router -> router.uriRoutes().<Route>map(Route::of).toList())
                .orElse(List.of());
    }

    private static List<Route> routesOf(AnnotatedMethod method, List<Route> routes) {
        return routes.stream()
                .filter(
                        method.role() == WebSocketMethod.NONE
                                ? route -> route.isOf(method)
                                : (Predicate<Route>) route -> route.isOf(method.beanType()))
                .toList();
    }

    /** A limit of a class needs the variable in one of its routes, a limit of a method in one of its own. */
    private void checkPathVariables(Map<AnnotatedMethod, List<LimitBinding>> annotated, List<Route> routes) {
        Map<String, Set<String>> needed = new LinkedHashMap<>();
        Map<String, Set<String>> known = new HashMap<>();
        annotated.forEach((method, limits) -> {
            List<Route> own = routesOf(method, routes);
            for (LimitBinding limit : limits) {
                needed.computeIfAbsent(limit.location(), location -> new TreeSet<>())
                        .addAll(pathVariables(limit));
                (own.isEmpty() ? routes : own)
                        .forEach(route -> known.computeIfAbsent(limit.location(), location -> new TreeSet<>())
                                .addAll(route.variables));
            }
        });
        needed.forEach((location, names) -> requireKnown(location, names, known.getOrDefault(location, Set.of())));
    }

    /** Calls of other beans have no request whose case could be chosen. */
    private static void checkCases(Map<AnnotatedMethod, List<LimitBinding>> annotated, List<Route> routes) {
        annotated.forEach((method, limits) -> {
            for (LimitBinding limit : limits) {
                if (limit.cases() != null
                        && limit.cases().needsRequest()
                        && !WebSocketMethod.isServer(method.method())
                        && routesOf(method, routes).isEmpty()) {
                    throw new ConfigurationException(
                            limit.location() + " is on a method without requests, but the cases"
                                    + " of the policy \"" + limit.policy().name()
                                    + "\" need one; write the limit on a route, or"
                                    + " name a policy whose cases depend on the time only.");
                }
            }
        });
    }

    private static Set<String> pathVariables(LimitBinding limit) {
        List<KeyTemplate.Part> parts = new ArrayList<>();
        for (LimitBinding variant : limit.variants()) {
            if (variant.key() != null) {
                parts.addAll(variant.key().parts());
            }
        }
        if (limit.cost().given() != null) {
            parts.add(limit.cost().given());
        }
        Set<String> names = new TreeSet<>();
        for (KeyTemplate.Part part : parts) {
            if (part.source() == KeyTemplate.Source.PATH) {
                names.add(part.name());
            }
        }
        return names;
    }

    private static void requireKnown(String location, Set<String> needed, Set<String> known) {
        for (String name : needed) {
            if (!known.contains(name)) {
                throw new ConfigurationException(location + " uses {path:" + name
                        + "}, but no route that it limits has the variable \"" + name + "\"; "
                        + (known.isEmpty() ? "write another placeholder." : "write one of " + known + "."));
            }
        }
    }

    private void checkRules(List<Route> routes) {
        Map<String, Set<String>> variables = new HashMap<>();
        routes.forEach(route -> variables
                .computeIfAbsent(route.template, template -> new TreeSet<>())
                .addAll(route.variables));
        Set<String> templates = new LinkedHashSet<>(variables.keySet());
        for (String name : environment.getPropertyEntries(STATIC_RESOURCES)) {
            templates.add(environment
                    .getProperty(STATIC_RESOURCES + "." + name + ".mapping", String.class)
                    .orElse("/**"));
        }
        rules.byTemplate(templates).forEach((rule, matching) -> {
            if (matching.isEmpty() && !templates.isEmpty()) {
                warnings.warn(ConfigurationWarning.RULE_WITHOUT_ROUTE, rule.location());
            }
            Set<String> known = new TreeSet<>();
            matching.forEach(template -> known.addAll(variables.getOrDefault(template, Set.of())));
            requireKnown(rule.location(), pathVariables(rule), known);
        });
    }

    private void warnOfCostAboveLimit(LimitBinding limit) {
        if (LimitCheck.exceeds(limit.cost(), limit.policy())) {
            warnings.warn(
                    ConfigurationWarning.COST_ABOVE_LIMIT,
                    limit.location(),
                    limit.cost().most(),
                    limit.policy().name(),
                    limit.policy().capacity());
        }
    }

    private void warnOfConstantKey(LimitBinding limit) {
        if (limit.key() != null && limit.key().isText()) {
            warnings.warn(ConfigurationWarning.KEY_WITHOUT_PLACEHOLDER, limit.location(), limit.key());
        }
    }

    private void warnOfUnusedPolicies(Collection<LimitBinding> limits) {
        Set<String> used = new TreeSet<>();
        limits.forEach(limit -> used.add(limit.policy().writtenName()));
        for (String policy : policies.names()) {
            if (!used.contains(policy) && !policies.isUsedByCode(policy)) {
                warnings.warn(ConfigurationWarning.POLICY_UNUSED, policy);
            }
        }
    }

    /** Counts annotations: one on a class is read once per method, but counts once. */
    private Counts counts(Map<AnnotatedMethod, List<LimitBinding>> annotated, List<Route> routes) {
        Set<List<String>> onRoutes = new LinkedHashSet<>();
        Set<List<String>> onBeans = new LinkedHashSet<>();
        Set<List<String>> onWebSockets = new LinkedHashSet<>();
        annotated.forEach((method, limits) -> {
            Set<List<String>> kind = WebSocketMethod.isServer(method.method())
                    ? onWebSockets
                    : routesOf(method, routes).isEmpty() ? onBeans : onRoutes;
            limits.forEach(
                    limit -> kind.add(List.of(limit.location(), limit.policy().name())));
        });
        onBeans.removeAll(onRoutes);
        return new Counts(
                onRoutes.size(),
                onBeans.size(),
                onWebSockets.size(),
                rules.all().size());
    }
}
