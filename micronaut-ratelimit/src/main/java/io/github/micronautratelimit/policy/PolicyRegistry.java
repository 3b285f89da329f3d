package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.PolicyConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RefreshedConfiguration;
import io.github.micronautratelimit.configuration.WrittenPolicies;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.naming.NameUtils;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The policies of {@code ratelimit.policies} by name, for code that calls a
 * {@link io.github.micronautratelimit.RateLimiter} itself. An invalid policy fails the start of the application.
 */
@Singleton
public class PolicyRegistry {

    private volatile Settings settings;
    /** The policies that code has asked for. */
    private final Set<String> usedByCode = ConcurrentHashMap.newKeySet();

    /**
     * The settings of one configuration, replaced as a whole.
     *
     * @param configured     the configured policies by name
     * @param declared       the policies of annotations whose names are not configured
     * @param defaultKey     the key of routes without a key
     * @param defaultOnError the fallback of policies without one
     * @param hasOverrides   whether a configured policy has overrides
     * @param shadow         whether all policies are in shadow mode
     */
    private record Settings(
            Map<String, ConfiguredPolicy> configured,
            Map<String, Policy> declared,
            KeyTemplate defaultKey,
            OnError defaultOnError,
            boolean hasOverrides,
            boolean shadow) {

        @Nullable
        ConfiguredPolicy find(String name) {
            return configured.get(NameUtils.hyphenate(name));
        }
    }

    PolicyRegistry(RateLimitConfiguration configuration, List<PolicyConfiguration> policies, Environment environment) {
        this.settings = read(configuration, WrittenPolicies.among(policies, environment));
    }

    private static Settings read(RateLimitConfiguration configuration, List<PolicyConfiguration> policies) {
        Map<String, ConfiguredPolicy> configured = new TreeMap<>();
        for (PolicyConfiguration policy : policies) {
            configured.put(
                    policy.getName(),
                    ConfiguredPolicy.read(policy, configuration.getOnError(), configuration.isShadow()));
        }
        return new Settings(
                configured,
                new ConcurrentHashMap<>(),
                ConfiguredPolicy.key(configuration.getDefaultKey(), "ratelimit.default-key"),
                configuration.getOnError(),
                configured.values().stream()
                        .anyMatch(policy -> !policy.overrides().isEmpty()),
                configuration.isShadow());
    }

    /**
     * Replaces the policies while the application runs.
     *
     * @param refreshed  the new configuration
     * @param dependents reloads the annotations and rules that use the policies
     * @throws ConfigurationException if a property is invalid, or {@code dependents} throws it; the previous policies
     *                                then stay in force
     */
    @Internal
    public void reload(RefreshedConfiguration refreshed, Runnable dependents) {
        Settings previous = settings;
        settings = read(refreshed.general(), refreshed.policies());
        try {
            dependents.run();
        } catch (RuntimeException e) {
            settings = previous;
            throw e;
        }
    }

    /**
     * Returns a configured policy.
     *
     * @param name its name under {@code ratelimit.policies}; case and hyphens do not matter
     * @return the policy
     * @throws ConfigurationException if no policy of that name is configured
     */
    public Policy get(String name) {
        Policy policy = get(name, "the application's code");
        usedByCode.add(policy.name());
        return policy;
    }

    /** Returns whether code has asked for a policy. */
    boolean isUsedByCode(Policy policy) {
        return usedByCode.contains(policy.name());
    }

    /**
     * Returns a configured policy.
     *
     * @param name     its name under {@code ratelimit.policies}
     * @param location where the name is used, for the message
     * @throws ConfigurationException if no policy of that name is configured
     */
    Policy get(String name, String location) {
        Settings current = settings;
        ConfiguredPolicy found = current.find(name);
        if (found == null) {
            throw new ConfigurationException("The policy \"" + name + "\" named by " + location
                    + " is not configured; add ratelimit.policies." + NameUtils.hyphenate(name) + ".limits"
                    + (current.configured.isEmpty() ? "." : " or name one of " + current.configured.keySet() + "."));
        }
        return found.policy();
    }

    /**
     * Returns the policy of an annotation: the configured policy of that name, or a new one with the limits of the
     * annotation.
     *
     * @param name     the name
     * @param limits   the limits of the annotation, which apply if the name is not configured; may be empty
     * @param onError  the fallback of the annotation, or {@code null}
     * @param location the annotation, for the message
     * @throws ConfigurationException if another annotation has the same name and other limits
     */
    Policy get(String name, LimitSet limits, @Nullable OnError onError, String location) {
        Settings current = settings;
        ConfiguredPolicy found = current.find(name);
        if (found != null) {
            return found.onError() != null || onError == null
                    ? found.policy()
                    : found.policy().withOnError(onError);
        }
        if (limits.isEmpty()) {
            return get(name, location);
        }
        Policy policy;
        try {
            policy = Policy.of(name, limits)
                    .withOnError(onError == null ? current.defaultOnError : onError)
                    .withShadow(current.shadow);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(location + ": " + e.getMessage(), e);
        }
        Policy first = current.declared.putIfAbsent(name, policy);
        if (first != null) {
            requireSameLimits(first, limits, location);
        }
        return policy;
    }

    private static void requireSameLimits(Policy first, LimitSet limits, String location) {
        LimitSet firstLimits = new LimitSet(first.rateLimits(), first.concurrency());
        if (!firstLimits.equals(limits)) {
            throw new ConfigurationException("The policy \"" + first.name() + "\" has the limits [" + limits + "] at "
                    + location + " but [" + firstLimits + "] elsewhere; "
                    + (isConfigurable(first.name())
                            ? "write them once, under ratelimit.policies." + NameUtils.hyphenate(first.name())
                                    + ".limits."
                            : "name a policy in one of the annotations, such as @RateLimit(policy = \"write\")."));
        }
    }

    /** Rejects a cost that the policy, or one of its overrides, never grants. */
    void requireGrantable(Cost cost, Policy policy) {
        String subject = "the policy \"" + policy.name() + "\"";
        LimitCheck.requireGrantable(cost, policy.rateLimits(), subject);
        overridesOf(policy.writtenName())
                .forEach((key, limits) -> LimitCheck.requireGrantable(
                        cost,
                        policy.withLimits(limits).rateLimits(),
                        subject + " with its override for \"" + key + "\""));
    }

    /** Returns whether a policy may have the name in the configuration: those of annotations contain dots. */
    private static boolean isConfigurable(String name) {
        return name.indexOf('.') < 0;
    }

    /**
     * Returns the policy for one key.
     *
     * @param policy a policy
     * @param key    the resolved key
     * @return the policy itself, unless {@code ratelimit.policies.NAME.overrides} contains the key
     */
    public Policy forKey(Policy policy, String key) {
        Settings current = settings;
        if (!current.hasOverrides) {
            return policy;
        }
        ConfiguredPolicy found = current.configured.get(policy.writtenName());
        LimitSet limits = found == null ? null : found.overrides().get(key);
        return limits == null ? policy : policy.withLimits(limits);
    }

    /**
     * Returns all configured policies.
     *
     * @return the policies in force, by name
     */
    public List<Policy> all() {
        return settings.configured.values().stream()
                .map(ConfiguredPolicy::policy)
                .toList();
    }

    /**
     * Returns the overrides of a policy.
     *
     * @param name the name of the policy
     * @return limits by key; empty if there are none
     */
    @Internal
    public Map<String, LimitSet> overridesOf(String name) {
        ConfiguredPolicy found = settings.find(name);
        return found == null ? Map.of() : found.overrides();
    }

    /**
     * Returns the configured key of a policy.
     *
     * @param name the name of the policy
     * @return the key, or {@code null}
     */
    public @Nullable KeyTemplate keyOf(String name) {
        ConfiguredPolicy found = settings.find(name);
        return found == null ? null : found.key();
    }

    /**
     * Returns the key of routes whose limit and policy have none.
     *
     * @return {@code ratelimit.default-key}
     */
    public KeyTemplate defaultKey() {
        return settings.defaultKey;
    }
}
