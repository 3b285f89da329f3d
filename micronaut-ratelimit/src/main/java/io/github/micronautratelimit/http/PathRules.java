package io.github.micronautratelimit.http;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.config.RuleConfiguration;
import io.github.micronautratelimit.intercept.AppliedLimit;
import io.github.micronautratelimit.intercept.Cost;
import io.github.micronautratelimit.key.KeyTemplate;
import io.github.micronautratelimit.key.Keys;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.HttpRequest;

/**
 * The limits that {@code ratelimit.rules} puts on paths, and the paths that {@code ratelimit.exclude} exempts. Every rule
 * that matches applies. A wrong rule stops the application from starting.
 */
@Context
@RequiresRateLimit
final class PathRules {

    private final List<Rule> rules;
    private final List<PathPattern> exclude;

    private record Rule(PathPattern path, Set<String> methods, AppliedLimit limit) {
    }

    PathRules(RateLimitConfiguration configuration, List<RuleConfiguration> rules, Policies policies, Keys keys) {
        keys.check(policies.defaultKey(), "ratelimit.default-key");
        this.exclude = configuration.getExclude().stream().map(PathPattern::new).toList();
        this.rules = rules.stream().sorted(Comparator.comparingInt(RuleConfiguration::getIndex))
                .map(rule -> rule(rule, policies, keys)).toList();
    }

    private static Rule rule(RuleConfiguration rule, Policies policies, Keys keys) {
        String place = "ratelimit.rules[" + rule.getIndex() + "]";
        if (!rule.getPath().startsWith("/")) {
            throw new ConfigurationException(place + ".path = \"" + rule.getPath()
                    + "\" does not start with a slash; write a pattern like \"/api/**\".");
        }
        if (rule.getPolicy().isEmpty()) {
            throw new ConfigurationException(place + ".policy is missing; name one of ratelimit.policies.");
        }
        Policy policy = policies.get(rule.getPolicy(), place + ".policy");
        Set<String> methods = rule.getMethods().stream()
                .map(method -> method.toUpperCase(Locale.ROOT)).collect(Collectors.toUnmodifiableSet());
        try {
            KeyTemplate key = key(rule.getKey(), policy, policies);
            keys.check(key, place);
            return new Rule(new PathPattern(rule.getPath()), methods,
                    new AppliedLimit(policy, key, null, Cost.parse(rule.getPermits())));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + ": " + e.getMessage(), e);
        }
    }

    private static KeyTemplate key(@Nullable String written, Policy policy, Policies policies) {
        if (written != null) {
            return KeyTemplate.parse(written);
        }
        KeyTemplate configured = policies.keyOf(policy.name());
        return configured == null ? policies.defaultKey() : configured;
    }

    boolean isEmpty() {
        return rules.isEmpty();
    }

    /** The limits on a request, in the order of the rules. */
    List<AppliedLimit> of(HttpRequest<?> request) {
        List<AppliedLimit> limits = new ArrayList<>();
        for (Rule rule : rules) {
            if ((rule.methods.isEmpty() || rule.methods.contains(request.getMethodName().toUpperCase(Locale.ROOT)))
                    && rule.path.matches(request.getPath())) {
                limits.add(rule.limit);
            }
        }
        return limits;
    }

    boolean excludes(HttpRequest<?> request) {
        for (PathPattern pattern : exclude) {
            if (pattern.matches(request.getPath())) {
                return true;
            }
        }
        return false;
    }
}
