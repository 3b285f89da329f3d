package io.github.micronautratelimit.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.key.KeyTemplate;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.naming.NameUtils;
import jakarta.inject.Singleton;

/**
 * The configured policies by name, for code that asks a {@link io.github.micronautratelimit.RateLimiter} itself.
 * A wrong setting stops the application from starting.
 */
@Singleton
public class Policies {

    private final Map<String, Configured> configured = new TreeMap<>();
    private final Map<String, Policy> written = new ConcurrentHashMap<>();
    private final OnError defaultOnError;
    private final KeyTemplate defaultKey;

    private record Configured(Policy policy, @Nullable KeyTemplate key, @Nullable OnError onError) {
    }

    Policies(RateLimitConfiguration configuration, List<PolicyConfiguration> policies) {
        defaultOnError = configuration.getOnError();
        defaultKey = key(configuration.getDefaultKey(), "ratelimit.default-key");
        for (PolicyConfiguration policy : policies) {
            configured.put(policy.getName(), configured(policy));
        }
    }

    private Configured configured(PolicyConfiguration configuration) {
        String place = "ratelimit.policies." + configuration.getName();
        if (configuration.getLimits().isEmpty()) {
            throw new ConfigurationException(
                    place + ".limits is missing; write at least one limit, like \"100/min\".");
        }
        List<Limit> limits = limits(configuration.getLimits(), place + ".limits");
        List<Limit> localLimits = limits(configuration.getLocalLimit(), place + ".local-limit");
        OnError onError = configuration.findOnError().orElse(null);
        try {
            Policy policy = new Policy(configuration.getName(), limits, onError == null ? defaultOnError : onError,
                    configuration.findDeadline().orElse(null), localLimits);
            return new Configured(policy,
                    configuration.getKey() == null ? null : key(configuration.getKey(), place + ".key"), onError);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + ": " + e.getMessage(), e);
        }
    }

    private static List<Limit> limits(List<String> texts, String place) {
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
    public Policy get(String name, List<Limit> limits, @Nullable OnError onError, String place) {
        Configured found = configured.get(NameUtils.hyphenate(name));
        if (found != null) {
            return found.onError != null || onError == null
                    ? found.policy
                    : new Policy(found.policy.name(), found.policy.limits(), onError, found.policy.deadline(),
                            found.policy.localLimits());
        }
        if (limits.isEmpty()) {
            return get(name, place);
        }
        Policy policy;
        try {
            policy = new Policy(name, limits, onError == null ? defaultOnError : onError);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + ": " + e.getMessage(), e);
        }
        Policy before = written.putIfAbsent(name, policy);
        if (before != null && !before.limits().equals(limits)) {
            throw new ConfigurationException("The policy \"" + name + "\" has the limits " + limits + " at " + place
                    + " but " + before.limits() + " elsewhere; write them once, under ratelimit.policies."
                    + NameUtils.hyphenate(name) + ".limits.");
        }
        return policy;
    }

    /**
     * The key of a policy where none is written with it.
     *
     * @param name the policy's name
     * @return the configured key of that policy, or {@code null}
     */
    public @Nullable KeyTemplate keyOf(String name) {
        Configured found = configured.get(NameUtils.hyphenate(name));
        return found == null ? null : found.key;
    }

    /**
     * The key of routes for which nothing else is written.
     *
     * @return the default key
     */
    public KeyTemplate defaultKey() {
        return defaultKey;
    }
}
