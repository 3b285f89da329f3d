package io.github.micronautratelimit.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Limits;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.naming.NameUtils;
import jakarta.inject.Singleton;

/**
 * The configured policies by name, for code that asks a {@link io.github.micronautratelimit.RateLimiter} itself.
 * A wrong setting stops the application from starting.
 */
@Singleton
public class Policies {

    private volatile Settings settings;

    /** What is configured, and what was written in annotations under names that are not; replaced as a whole. */
    private record Settings(Map<String, Configured> configured, Map<String, Policy> written, KeyTemplate defaultKey,
                            OnError defaultOnError, boolean overridden) {
    }

    private record Configured(Policy policy, @Nullable KeyTemplate key, @Nullable OnError onError,
                              Map<String, Limits> overrides) {
    }

    Policies(RateLimitConfiguration configuration, List<PolicyConfiguration> policies) {
        this.settings = read(configuration, policies);
    }

    private static Settings read(RateLimitConfiguration configuration, List<PolicyConfiguration> policies) {
        Map<String, Configured> configured = new TreeMap<>();
        for (PolicyConfiguration policy : policies) {
            configured.put(policy.getName(), configured(policy, configuration.getOnError()));
        }
        return new Settings(configured, new ConcurrentHashMap<>(),
                key(configuration.getDefaultKey(), "ratelimit.default-key"), configuration.getOnError(),
                configured.values().stream().anyMatch(policy -> !policy.overrides.isEmpty()));
    }

    /**
     * Takes settings over that have changed, for limits that change while the application runs.
     *
     * @param anew     the settings
     * @param whatElse reads what depends on them
     * @throws ConfigurationException if a setting is wrong, or {@code whatElse} throws it; the old ones then still hold
     */
    public void reload(RefreshedConfiguration anew, Runnable whatElse) {
        Settings before = settings;
        settings = read(anew.general(), anew.policies());
        try {
            whatElse.run();
        } catch (RuntimeException e) {
            settings = before;
            throw e;
        }
    }

    private static Configured configured(PolicyConfiguration configuration, OnError defaultOnError) {
        String place = "ratelimit.policies." + configuration.getName();
        Limits limits = limits(configuration.getLimits(), place);
        List<Limit> localLimits = localLimits(configuration.getLocalLimit(), place + ".local-limit");
        OnError onError = configuration.findOnError().orElse(null);
        try {
            Policy policy = new Policy(configuration.getName(), limits.rates(), limits.concurrency(),
                    onError == null ? defaultOnError : onError, configuration.findDeadline().orElse(null), localLimits,
                    maxLease(configuration, place));
            return new Configured(policy,
                    configuration.getKey() == null ? null : key(configuration.getKey(), place + ".key"), onError,
                    overrides(configuration, place));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + ": " + e.getMessage(), e);
        }
    }

    private static long maxLease(PolicyConfiguration configuration, String place) {
        boolean leased = configuration.getMode() == PolicyConfiguration.Mode.LEASED;
        long most = configuration.findMaxLease().orElse(leased ? PolicyConfiguration.USUAL_LEASE : 0L);
        if (!leased && configuration.findMaxLease().isPresent()) {
            throw new ConfigurationException(place + ".max-lease = \"" + most + "\": nothing is leased in the mode exact; write "
                    + place + ".mode: leased beside it, or leave it out.");
        }
        if (leased && (most < 1 || most > Policy.GREATEST_LEASE)) {
            throw new ConfigurationException(place + ".max-lease = \"" + most + "\": write how many permits an instance takes "
                    + "ahead at most, 1 to " + Policy.GREATEST_LEASE + ".");
        }
        return most;
    }

    private static Limits limits(List<String> texts, String place) {
        if (texts.isEmpty()) {
            throw new ConfigurationException(
                    place + ".limits is missing; write at least one limit, like \"100/min\".");
        }
        try {
            return Limits.parseAll(texts);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + ".limits = " + e.getMessage(), e);
        }
    }

    private static List<Limit> localLimits(List<String> texts, String place) {
        List<Limit> limits = new ArrayList<>();
        for (String text : texts) {
            try {
                limits.addAll(Limit.parseAll(text));
            } catch (IllegalArgumentException e) {
                throw new ConfigurationException(place + " = " + e.getMessage(), e);
            }
        }
        return limits;
    }

    private static Map<String, Limits> overrides(PolicyConfiguration configuration, String place) {
        Map<String, Limits> overrides = new HashMap<>();
        for (int i = 0; i < configuration.getOverrides().size(); i++) {
            Map<String, Object> override = configuration.getOverrides().get(i);
            String here = place + ".overrides[" + i + "]";
            Object key = override.get("key");
            if (key == null || key.toString().isEmpty()) {
                throw new ConfigurationException(here + ".key is missing; write the name of a user or an address.");
            }
            Object limits = override.get("limits");
            List<String> texts = limits instanceof Collection<?> several
                    ? several.stream().map(String::valueOf).toList()
                    : limits == null ? List.of() : List.of(limits.toString());
            overrides.put(key.toString(), limits(texts, here));
        }
        return Map.copyOf(overrides);
    }

    private static KeyTemplate key(String text, String place) {
        try {
            return KeyTemplate.parse(text);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + " = " + e.getMessage(), e);
        }
    }

    /**
     * A configured policy.
     *
     * @param name its name under {@code ratelimit.policies}; case and hyphens do not matter
     * @return the policy
     * @throws ConfigurationException if no policy of that name is configured
     */
    public Policy get(String name) {
        return get(name, "the code that asks for it");
    }

    /**
     * A configured policy.
     *
     * @param name  its name under {@code ratelimit.policies}
     * @param place where the name is written, for the message
     * @return the policy
     * @throws ConfigurationException if no policy of that name is configured
     */
    public Policy get(String name, String place) {
        Map<String, Configured> configured = settings.configured;
        Configured found = configured.get(NameUtils.hyphenate(name));
        if (found == null) {
            throw new ConfigurationException("The policy \"" + name + "\" named by " + place
                    + " is not configured; add ratelimit.policies." + NameUtils.hyphenate(name) + ".limits"
                    + (configured.isEmpty() ? "." : " or name one of " + configured.keySet() + "."));
        }
        return found.policy;
    }

    /**
     * The policy for a name that is written together with numbers: the configured one if there is one of that name.
     *
     * @param name    the name
     * @param limits  the numbers written with it, for want of a configured policy; empty if none are
     * @param onError written with it, or {@code null}
     * @param place   where they are written, for the message
     * @return the policy
     * @throws ConfigurationException if the same name is written elsewhere with other numbers
     */
    public Policy get(String name, Limits limits, @Nullable OnError onError, String place) {
        Settings now = settings;
        Configured found = now.configured.get(NameUtils.hyphenate(name));
        if (found != null) {
            return found.onError != null || onError == null
                    ? found.policy
                    : new Policy(found.policy.name(), found.policy.limits(), found.policy.concurrency(), onError,
                            found.policy.deadline(), found.policy.localLimits(),
                            found.policy.maxLease());
        }
        if (limits.isEmpty()) {
            return get(name, place);
        }
        Policy policy;
        try {
            policy = new Policy(name, limits, onError == null ? now.defaultOnError : onError);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + ": " + e.getMessage(), e);
        }
        Policy before = now.written.putIfAbsent(name, policy);
        Limits elsewhere = before == null ? limits : new Limits(before.limits(), before.concurrency());
        if (!elsewhere.equals(limits)) {
            throw new ConfigurationException("The policy \"" + name + "\" has the limits [" + limits + "] at " + place
                    + " but [" + elsewhere + "] elsewhere; write them once, under ratelimit.policies."
                    + NameUtils.hyphenate(name) + ".limits.");
        }
        return policy;
    }

    /**
     * The policy for one key of it, which may have numbers of its own.
     *
     * @param policy a policy
     * @param key    who is limited
     * @return the policy itself, unless {@code ratelimit.policies.NAME.overrides} names the key
     */
    public Policy forKey(Policy policy, String key) {
        Settings now = settings;
        if (!now.overridden) {
            return policy;
        }
        Configured found = now.configured.get(policy.name());
        Limits own = found == null ? null : found.overrides.get(key);
        return own == null ? policy : policy.withLimits(own);
    }

    /**
     * All configured policies.
     *
     * @return those that hold now, by name
     */
    public List<Policy> all() {
        return settings.configured.values().stream().map(Configured::policy).toList();
    }

    /**
     * The keys of a policy that have numbers of their own.
     *
     * @param name the policy's name
     * @return their limits; empty if there are none
     */
    public Map<String, Limits> overridesOf(String name) {
        Configured found = settings.configured.get(NameUtils.hyphenate(name));
        return found == null ? Map.of() : found.overrides;
    }

    /**
     * The key of a policy where none is written with it.
     *
     * @param name the policy's name
     * @return the configured key of that policy, or {@code null}
     */
    public @Nullable KeyTemplate keyOf(String name) {
        Configured found = settings.configured.get(NameUtils.hyphenate(name));
        return found == null ? null : found.key;
    }

    /**
     * The key of routes for which nothing else is written.
     *
     * @return the default key
     */
    public KeyTemplate defaultKey() {
        return settings.defaultKey;
    }
}
