package io.github.micronautratelimit.http;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.github.micronautratelimit.config.RefreshedConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.config.RuleConfiguration;
import io.github.micronautratelimit.intercept.AppliedLimit;
import io.github.micronautratelimit.intercept.AppliedLimits;
import io.github.micronautratelimit.key.Keys;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.SetupWarning;
import io.github.micronautratelimit.web.SetupWarnings;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.HttpRequest;

/**
 * The limits that {@code ratelimit.rules} puts on paths, and the paths that {@code ratelimit.exclude} exempts. Every rule
 * that matches applies, in the order they are written. A wrong rule stops the application from starting.
 */
@Context
@RequiresRateLimit
final class PathRules implements AppliedLimits {

    private final Policies policies;
    private final Keys keys;
    private final SetupWarnings warnings;
    private volatile List<Rule> rules;
    private volatile List<PathRule> exclude;

    private record Rule(PathRule path, AppliedLimit limit, boolean afterAuthentication) {
    }

    PathRules(RateLimitConfiguration configuration, List<RuleConfiguration> configured, Policies policies, Keys keys,
              SetupWarnings warnings) {
        this.policies = policies;
        this.keys = keys;
        this.warnings = warnings;
        keys.check(policies.defaultKey(), "ratelimit.default-key");
        this.rules = rules(configured);
        this.exclude = excluded(configuration);
    }

    /** Takes changed settings over; if one is wrong, those before still hold. */
    void reload(RefreshedConfiguration anew) {
        keys.check(policies.defaultKey(), "ratelimit.default-key");
        List<PathRule> excluded = excluded(anew.general());
        rules = rules(anew.rules());
        exclude = excluded;
    }

    private static List<PathRule> excluded(RateLimitConfiguration configuration) {
        return configuration.getExclude().stream().map(path -> path("ratelimit.exclude", path, List.of())).toList();
    }

    private List<Rule> rules(List<RuleConfiguration> configured) {
        List<Rule> read = configured.stream().sorted(Comparator.comparingInt(RuleConfiguration::getIndex))
                .map(this::rule).toList();
        if (!read.isEmpty() && read.stream().allMatch(rule -> rule.limit.isClientsChoice())) {
            warnings.warn(SetupWarning.CLIENT_CHOOSES_KEY, "paths", read.stream().map(rule -> rule.limit.key()).toList());
        }
        return read;
    }

    private Rule rule(RuleConfiguration rule) {
        String place = "ratelimit.rules[" + rule.getIndex() + "]";
        if (rule.getPath().isEmpty()) {
            throw new ConfigurationException(place + ".path is missing; write a pattern like \"/api/**\".");
        }
        PathRule path = path(place + ".path", rule.getPath(), rule.getMethods());
        if (rule.getPolicy().isEmpty()) {
            throw new ConfigurationException(place + ".policy is missing; name one of ratelimit.policies.");
        }
        Policy policy = policies.get(rule.getPolicy(), place + ".policy");
        try {
            KeyTemplate key = key(rule.getKey(), policy);
            keys.check(key, place);
            String paths = String.join(", ", rule.getMethods()) + " " + rule.getPath();
            AppliedLimit limit = new AppliedLimit(place + ": " + paths.strip(), policy, key, null,
                    Cost.parse(rule.getPermits()), null);
            return new Rule(path, limit, limit.isAfterAuthentication(keys));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + ": " + e.getMessage(), e);
        }
    }

    private static PathRule path(String place, String pattern, List<String> methods) {
        try {
            return new PathRule(pattern, methods);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + " = " + e.getMessage(), e);
        }
    }

    private KeyTemplate key(@Nullable String written, Policy policy) {
        if (written != null) {
            return KeyTemplate.parse(written);
        }
        KeyTemplate configuredKey = policies.keyOf(policy.name());
        return configuredKey == null ? policies.defaultKey() : configuredKey;
    }

    @Override
    public Collection<AppliedLimit> all() {
        return rules.stream().map(Rule::limit).toList();
    }

    boolean isEmpty() {
        return rules.isEmpty();
    }

    /** The limits on a request that are enforced before or after it is authenticated, in the order of the rules. */
    List<AppliedLimit> of(HttpRequest<?> request, RequestPath path, boolean afterAuthentication) {
        List<AppliedLimit> limits = new ArrayList<>();
        for (Rule rule : rules) {
            if (rule.afterAuthentication == afterAuthentication && rule.path.matches(request.getMethodName(), path)) {
                limits.add(rule.limit);
            }
        }
        return limits;
    }

    boolean excludes(RequestPath path) {
        for (PathRule rule : exclude) {
            if (rule.exempts(path)) {
                return true;
            }
        }
        return false;
    }
}
