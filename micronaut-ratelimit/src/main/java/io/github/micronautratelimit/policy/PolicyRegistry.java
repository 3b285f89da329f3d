package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.configuration.PolicyConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RefreshedConfiguration;
import io.github.micronautratelimit.configuration.WrittenNames;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.naming.NameUtils;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The policies of {@code ratelimit.policies} by name, for code that calls a
 * {@link io.github.micronautratelimit.RateLimiter} itself. An invalid policy fails the start of the application.
 */
@Singleton
public class PolicyRegistry {

    private final String contextPath;
    private static final LimitSet HIGHEST = LimitSet.parse(Limit.MAX_PERMITS + "/s");

    private volatile Settings settings;
    private volatile Operator operator = new Operator(OperatorOverrides.NONE, KeyHash::of, PolicyGenerations.NONE);
    /** The policies that code has asked for. */
    private final Set<String> usedByCode = ConcurrentHashMap.newKeySet();

    /**
     * The settings of one configuration, replaced as a whole.
     *
     * @param configured     the configured policies by name
     * @param declared       the policies of annotations whose names are not configured
     * @param defaultKey     the key of routes without a key
     * @param defaultOnError the fallback of policies without one
     * @param byCase         the configured policies by their names and by the names of their cases
     * @param hasOverrides   whether a configured policy has overrides
     * @param shadow         whether all policies are in shadow mode
     */
    private record Settings(
            Map<String, ConfiguredPolicy> configured,
            Map<String, Policy> declared,
            KeyTemplate defaultKey,
            OnError defaultOnError,
            Map<String, ConfiguredPolicy> byCase,
            boolean hasOverrides,
            boolean shadow) {

        @Nullable
        ConfiguredPolicy find(String name) {
            ConfiguredPolicy exact = byCase.get(name);
            return exact != null ? exact : configured.get(NameUtils.hyphenate(name));
        }
    }

    /**
     * The limits that operators have set.
     *
     * @param overrides   the limits
     * @param keyHash     hashes keys as they are hashed in the overrides
     * @param generations the generations of policies that were reset
     */
    private record Operator(
            OperatorOverrides overrides, UnaryOperator<String> keyHash, PolicyGenerations generations) {}

    PolicyRegistry(RateLimitConfiguration configuration, List<PolicyConfiguration> policies, Environment environment) {
        this.contextPath = ContextPath.of(environment);
        this.settings = read(configuration, WrittenNames.policies(policies, environment));
    }

    private Settings read(RateLimitConfiguration configuration, List<PolicyConfiguration> policies) {
        Map<String, ConfiguredPolicy> configured = new TreeMap<>();
        Map<String, ConfiguredPolicy> byCase = new HashMap<>();
        for (PolicyConfiguration policy : policies) {
            ConfiguredPolicy read =
                    ConfiguredPolicy.read(policy, configuration.getOnError(), configuration.isShadow(), contextPath);
            configured.put(policy.getName(), read);
            byCase.put(policy.getName(), read);
            read.casePolicies().values().forEach(one -> byCase.put(one.name(), read));
        }
        return new Settings(
                configured,
                new ConcurrentHashMap<>(),
                ConfiguredPolicy.key(configuration.getDefaultKey(), "ratelimit.default-key"),
                configuration.getOnError(),
                byCase,
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
     * @return the policy; if it has cases, with the limits that belong to none of them
     * @throws ConfigurationException if no policy of that name is configured, or it has cases only, which need a
     * request
     */
    public Policy get(String name) {
        Policy policy = get(name, "the application's code");
        ConfiguredPolicy found = find(policy.name());
        if (found != null && !found.hasLimits()) {
            throw new ConfigurationException(
                    "The policy \"" + name + "\" named by the application's code has only cases,"
                            + " which need a request; add ratelimit.policies." + policy.name()
                            + ".limits, or name a policy without cases.");
        }
        usedByCode.add(policy.name());
        return present(policy);
    }

    /** Returns whether code has asked for a policy. */
    boolean isUsedByCode(String policy) {
        return usedByCode.contains(policy);
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

    /** Returns a configured policy by its name or that of one of its cases; {@code null} if there is none. */
    @Nullable
    ConfiguredPolicy find(String name) {
        return settings.find(name);
    }

    /** Rejects a cost that the policy, or one of its overrides, never grants. */
    void requireGrantable(Cost cost, Policy policy) {
        String subject = "the policy \"" + policy.name() + "\"";
        LimitCheck.requireGrantable(cost, policy.rateLimits(), subject);
        overridesOf(policy.writtenName()).forEach((key, allowance) -> {
            if (allowance.isLimited()) {
                LimitCheck.requireGrantable(
                        cost,
                        policy.withLimits(allowance.limits()).rateLimits(),
                        subject + " with its override for \"" + key + "\"");
            }
        });
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
     * @return the policy itself, unless {@code ratelimit.policies.NAME.overrides} contains the key, or an operator has
     *         set limits or reset the policy; with the highest possible limit if the key is unlimited
     * @throws RateLimitExceededException if the override denies the key
     */
    public Policy forKey(Policy policy, String key) {
        Allowance ofKey = operatorOverrideOf(policy, key);
        Allowance configured = ofKey == null ? overrideOf(policy, key) : ofKey;
        return allowed(present(policy), key, configured == null ? operatorOverrideOf(policy, null) : configured);
    }

    /** Returns the policy with the configured limits of a key, or the policy itself. */
    Policy configuredForKey(Policy policy, String key) {
        return allowed(policy, key, overrideOf(policy, key));
    }

    private static Policy allowed(Policy policy, String key, @Nullable Allowance override) {
        if (override == null) {
            return policy;
        }
        return switch (override.kind()) {
            case LIMITED -> policy.withLimits(override.limits());
            case UNLIMITED -> policy.withLimits(HIGHEST);
            case DENIED -> throw denial(policy, key, PermitRequest.Origin.CODE);
        };
    }

    /** Returns the denial of a request that the configuration denies, whatever the limits of the policy. */
    static RateLimitExceededException denial(Policy policy, String key, PermitRequest.Origin origin) {
        return new RateLimitExceededException(new Decisions(
                List.of(new PermitRequest(policy, key, 1, origin)),
                List.of(new Decision.Denied(0, LimitState.NEVER, 0, List.of(), Decision.Source.CONFIGURATION))));
    }

    /**
     * Returns the limits that operators have set.
     *
     * @return the limits in force on this instance
     */
    @Internal
    public OperatorOverrides operatorOverrides() {
        return operator.overrides;
    }

    /**
     * Replaces the limits that operators have set.
     *
     * @param overrides the limits
     * @param keyHash   hashes keys as they are hashed in the overrides
     */
    @Internal
    public void replaceOperatorOverrides(OperatorOverrides overrides, UnaryOperator<String> keyHash) {
        operator = new Operator(overrides, keyHash, operator.generations.replacedBy(overrides.generations()));
    }

    /**
     * Returns a policy with the counters of the last time that an operator has reset it.
     *
     * @param policy a policy
     * @return the policy itself if it has them
     */
    @Internal
    public Policy present(Policy policy) {
        return operator.generations.of(policy);
    }

    /** Returns an operator's limits for a key, or with {@code null} for all keys; {@code null} if there are none. */
    @Nullable
    Allowance operatorOverrideOf(Policy policy, @Nullable String key) {
        Operator current = operator;
        if (current.overrides.isEmpty()) {
            return null;
        }
        String name = policy.writtenName();
        if (key == null) {
            return current.overrides.find(name, null);
        }
        return current.overrides.hasKeysOf(name) ? current.overrides.find(name, current.keyHash.apply(key)) : null;
    }

    /** Returns the override of a key, or {@code null}. */
    @Nullable
    Allowance overrideOf(Policy policy, String key) {
        Settings current = settings;
        if (!current.hasOverrides) {
            return null;
        }
        ConfiguredPolicy found = current.byCase.get(policy.writtenName());
        return found == null ? null : found.overrides().get(key);
    }

    /**
     * Returns all configured policies.
     *
     * @return the policies in force, by name; of a policy with cases, those of its cases
     */
    public List<Policy> all() {
        return settings.configured.values().stream()
                .flatMap(configured -> configured.deciding().stream())
                .toList();
    }

    /** Returns the names of all configured policies. */
    Set<String> names() {
        return settings.configured.keySet();
    }

    /**
     * Returns the overrides of a policy.
     *
     * @param name the name of the policy
     * @return limits by key; empty if there are none
     */
    @Internal
    public Map<String, Allowance> overridesOf(String name) {
        ConfiguredPolicy found = settings.find(name);
        return found == null ? Map.of() : found.overrides();
    }

    /**
     * Returns the name under {@code ratelimit.policies} of a policy.
     *
     * @param name the name of a configured policy, or of one of its cases
     * @return the name of the configured policy; the same name if none is configured
     */
    @Internal
    public String configuredName(String name) {
        ConfiguredPolicy found = settings.find(name);
        return found == null ? name : found.policy().name();
    }

    /**
     * Returns the configured key of a policy.
     *
     * @param name the name of the policy, or of one of its cases
     * @return the key, or {@code null}
     */
    public @Nullable KeyTemplate keyOf(String name) {
        ConfiguredPolicy found = settings.find(name);
        return found == null ? null : found.keyOf(name);
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
