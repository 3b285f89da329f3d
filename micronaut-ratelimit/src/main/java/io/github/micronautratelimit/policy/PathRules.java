package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RefreshedConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.configuration.RuleConfiguration;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.RequestPath;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpRequest;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.web.router.RouteInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The limits of {@code ratelimit.rules} on paths, and the paths of {@code ratelimit.exclude}, all of them paths within
 * the application. All rules that match a request apply, in the order of the configuration. An invalid rule fails the
 * start of the application.
 */
@Internal
@Context
@RequiresRateLimit
public final class PathRules implements LimitBindings {

    private final String contextPath;
    private final PolicyRegistry policies;
    private final KeyResolution keys;
    private final CaseBinder cases;
    private final ConfigurationWarnings warnings;
    private volatile List<Rule> rules;
    private volatile Exclusions exclusions;

    private record Rule(
            PathRule path,
            LimitBinding limit,
            boolean afterAuthentication,
            boolean skipsUpgrades,
            boolean skipsAssets) {

        boolean skips(@Nullable Skipped kind) {
            return kind == Skipped.UPGRADES && skipsUpgrades || kind == Skipped.ASSETS && skipsAssets;
        }
    }

    /** Requests that a rule may leave out. */
    public enum Skipped {

        /** Requests that open a WebSocket. */
        UPGRADES,

        /** Requests without a route that the server answers with a static file. */
        ASSETS
    }

    /** The configured exclusions with their texts, and the default ones. */
    private record Exclusions(Map<String, PathRule> configured, List<PathRule> defaults) {}

    PathRules(
            Environment environment,
            RateLimitConfiguration configuration,
            List<RuleConfiguration> configured,
            PolicyRegistry policies,
            KeyResolution keys,
            CaseBinder cases,
            ConfigurationWarnings warnings) {
        this.contextPath = ContextPath.of(environment);
        this.policies = policies;
        this.keys = keys;
        this.cases = cases;
        this.warnings = warnings;
        keys.check(policies.defaultKey(), "ratelimit.default-key");
        this.exclusions = exclusions(configuration);
        this.rules = rules(configured, exclusions);
    }

    /**
     * Replaces the rules and the excluded paths.
     *
     * @param refreshed  the new configuration
     * @param dependents checks the new rules
     * @throws ConfigurationException if it is invalid, or {@code dependents} throws it; the previous rules then stay in
     *                                force
     */
    public void reload(RefreshedConfiguration refreshed, Runnable dependents) {
        List<Rule> previousRules = rules;
        Exclusions previousExclusions = exclusions;
        keys.check(policies.defaultKey(), "ratelimit.default-key");
        Exclusions newExclusions = exclusions(refreshed.general());
        rules = rules(refreshed.rules(), newExclusions);
        exclusions = newExclusions;
        try {
            dependents.run();
        } catch (RuntimeException e) {
            rules = previousRules;
            exclusions = previousExclusions;
            throw e;
        }
    }

    private Exclusions exclusions(RateLimitConfiguration configuration) {
        Map<String, PathRule> configured = new LinkedHashMap<>();
        configuration.getExclude().forEach(path -> configured.put(path, path("ratelimit.exclude", path, List.of())));
        return new Exclusions(
                configured,
                configuration.isExcludeDefaults()
                        ? RateLimitConfiguration.DEFAULT_EXCLUDES.stream()
                                .map(path -> new PathRule(contextPath, path, List.of()))
                                .toList()
                        : List.of());
    }

    private List<Rule> rules(List<RuleConfiguration> configured, Exclusions excluded) {
        List<Rule> sorted = configured.stream()
                .sorted(Comparator.comparingInt(RuleConfiguration::getIndex))
                .map(this::rule)
                .toList();
        if (!sorted.isEmpty() && sorted.stream().allMatch(rule -> rule.limit.isChosenByClient())) {
            warnings.warn(
                    ConfigurationWarning.CLIENT_CHOOSES_KEY,
                    "paths",
                    sorted.stream()
                            .flatMap(rule -> rule.limit.keysChosenByClient().stream())
                            .toList());
        }
        for (Rule rule : sorted) {
            excluded.configured.forEach((text, exclusion) -> {
                if (exclusion.covers(rule.path)) {
                    warnings.warn(ConfigurationWarning.RULE_EXCLUDED, rule.limit.location(), text);
                }
            });
            sorted.forEach(other -> checkRepetition(rule, other));
        }
        return sorted;
    }

    /** Two rules with one policy and one key charge a request twice, which is hardly ever meant. */
    private void checkRepetition(Rule rule, Rule other) {
        if (rule == other
                || !rule.limit.policy().name().equals(other.limit.policy().name())
                || !Objects.equals(rule.limit.key(), other.limit.key())
                || !other.path.covers(rule.path)) {
            return;
        }
        if (rule.path.covers(other.path) && rule.limit.cost().equals(other.limit.cost())) {
            throw new ConfigurationException(rule.limit.location() + " and " + other.limit.location()
                    + " are the same rule, which would charge each request twice; remove one of them.");
        }
        warnings.warn(ConfigurationWarning.RULE_REPEATED, rule.limit.location(), other.limit.location());
    }

    private Rule rule(RuleConfiguration rule) {
        String location = "ratelimit.rules[" + rule.getIndex() + "]";
        if (rule.getPath().isEmpty()) {
            throw new ConfigurationException(location + ".path is missing; write a pattern like \"/api/**\".");
        }
        path(location + ".path", rule.getPath(), List.of());
        PathRule path = path(location + ".methods", rule.getPath(), rule.getMethods());
        if (rule.getPolicy().isEmpty()) {
            throw new ConfigurationException(location + ".policy is missing; name one of ratelimit.policies.");
        }
        Policy configuredPolicy = policies.get(rule.getPolicy(), location + ".policy");
        try {
            KeyTemplate key = key(rule.getKey(), configuredPolicy);
            Policy policy =
                    rule.getMode() == RuleConfiguration.Mode.SHADOW ? configuredPolicy.asShadow() : configuredPolicy;
            LimitCheck.requireBraces(key);
            keys.check(key, location);
            Cost cost = Cost.parse(rule.getPermits());
            LimitCheck.requirePermits(cost);
            policies.requireGrantable(cost, policy);
            String paths = String.join(", ", rule.getMethods()) + " " + rule.getPath();
            LimitBinding limit = cases.bind(
                    new LimitBinding(location + ": " + paths.strip(), policy, key, null, cost, null),
                    rule.getKey() != null,
                    false,
                    rule.getMode() == RuleConfiguration.Mode.SHADOW,
                    rule.getMode() == RuleConfiguration.Mode.SHADOW ? Policy::asShadow : UnaryOperator.identity());
            return new Rule(
                    path,
                    limit,
                    limit.isAfterAuthentication(keys),
                    skips(rule, Skipped.UPGRADES, location),
                    skips(rule, Skipped.ASSETS, location));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(location + ": " + e.getMessage(), e);
        }
    }

    private static boolean skips(RuleConfiguration rule, Skipped kind, String location) {
        boolean skips = false;
        for (String word : rule.getSkip()) {
            Skipped written = Arrays.stream(Skipped.values())
                    .filter(each -> each.name().equalsIgnoreCase(word.strip()))
                    .findFirst()
                    .orElseThrow(() -> new ConfigurationException(
                            location + ".skip = \"" + word + "\" is invalid; write upgrades, assets or both."));
            skips |= written == kind;
        }
        return skips;
    }

    /**
     * Returns whether a rule leaves out assets, so that they must be recognized.
     *
     * @return {@code false} if no rule does
     */
    public boolean skipAssets() {
        return rules.stream().anyMatch(Rule::skipsAssets);
    }

    private PathRule path(String location, String pattern, List<String> methods) {
        try {
            return new PathRule(contextPath, pattern, methods);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(location + " = " + e.getMessage(), e);
        }
    }

    private KeyTemplate key(@Nullable String template, Policy policy) {
        if (template != null) {
            return KeyTemplate.parse(template);
        }
        KeyTemplate configuredKey = policies.keyOf(policy.name());
        return configuredKey == null ? policies.defaultKey() : configuredKey;
    }

    @Override
    public Collection<LimitBinding> all() {
        return rules.stream().map(Rule::limit).toList();
    }

    /** Returns the limits of the rules, each with the templates of the routes that its path may match. */
    Map<LimitBinding, List<String>> byTemplate(Collection<String> templates) {
        Map<LimitBinding, List<String>> byRule = new LinkedHashMap<>();
        for (Rule rule : rules) {
            byRule.put(
                    rule.limit,
                    templates.stream().filter(rule.path::mayMatchRoute).toList());
        }
        return byRule;
    }

    /**
     * Returns whether the list of rules is empty.
     *
     * @return {@code true} if {@code ratelimit.rules} is empty
     */
    public boolean isEmpty() {
        return rules.isEmpty();
    }

    /**
     * Returns the limits of one stage on a request.
     *
     * @param request             the request
     * @param path                its path
     * @param afterAuthentication {@code true} for the stage after authentication, {@code false} for the one before
     * @param exemption           exempts the request from all rules but those for its own paths, or {@code null}
     * @param kind                the kind of the request that rules may leave out, or {@code null}
     * @return the limits in the order of the rules
     */
    public List<LimitBinding> of(
            HttpRequest<?> request,
            RequestPath path,
            boolean afterAuthentication,
            @Nullable PathRule exemption,
            @Nullable Skipped kind) {
        List<LimitBinding> limits = new ArrayList<>();
        for (Rule rule : rules) {
            if (rule.afterAuthentication == afterAuthentication
                    && !rule.skips(kind)
                    && (exemption == null || exemption.covers(rule.path))
                    && rule.path.matches(request.getMethodName(), path)) {
                limits.add(rule.limit);
            }
        }
        return limits;
    }

    /**
     * Returns whether a path is excluded from all limits.
     *
     * @param path the path of a request
     * @return {@code true} if {@code ratelimit.exclude} certainly matches
     */
    public boolean excludes(RequestPath path) {
        for (PathRule rule : exclusions.configured.values()) {
            if (rule.exempts(path)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Returns the path of a route.
     *
     * @param route  the route
     * @param method its method
     * @return the path; {@code null} if the route has none
     */
    public @Nullable RoutePath pathOf(RouteInfo<?> route, ExecutableMethod<?, ?> method) {
        return RoutePath.of(route, method, contextPath);
    }

    /**
     * Returns the default exclusion of a request.
     *
     * @param path  the path of the request
     * @param route its route, or {@code null}
     * @return the exclusion, which exempts the request from the rules that it does not cover; {@code null} if there is
     *         none
     */
    public @Nullable PathRule defaultExclusion(RequestPath path, @Nullable RoutePath route) {
        List<PathRule> defaults = exclusions.defaults;
        if (defaults.isEmpty()) {
            return null;
        }
        if (route != null && route.endpoint() != null) {
            return route.endpoint();
        }
        for (PathRule rule : defaults) {
            if (rule.exempts(path) && (route == null || rule.coversRoute(route.template()))) {
                return rule;
            }
        }
        return null;
    }
}
