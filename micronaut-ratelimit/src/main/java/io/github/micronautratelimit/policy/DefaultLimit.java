package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import java.util.Collection;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The limit of {@code ratelimit.default} on routes that have no limit of their own. An invalid one fails the start of
 * the application.
 */
@Internal
@Context
@RequiresRateLimit
public final class DefaultLimit implements LimitBindings {

    /** The name of the policy, unless the property names another one. */
    static final String NAME = "default";

    private static final String PROPERTY = "ratelimit.default";
    private static final String BY = " by ";

    private final PolicyRegistry policies;
    private final KeyResolution keys;
    private final CaseBinder cases;
    private volatile @Nullable LimitBinding limit;

    DefaultLimit(RateLimitConfiguration configuration, PolicyRegistry policies, KeyResolution keys, CaseBinder cases) {
        this.policies = policies;
        this.keys = keys;
        this.cases = cases;
        this.limit = read(configuration);
    }

    /**
     * Replaces the limit.
     *
     * @param configuration the new configuration
     * @param dependents    checks the new limit
     * @throws ConfigurationException if it is invalid, or {@code dependents} throws it; the previous limit then stays
     *                                in force
     */
    public void reload(RateLimitConfiguration configuration, Runnable dependents) {
        LimitBinding previous = limit;
        limit = read(configuration);
        try {
            dependents.run();
        } catch (RuntimeException e) {
            limit = previous;
            throw e;
        }
    }

    private @Nullable LimitBinding read(RateLimitConfiguration configuration) {
        String text = String.join("; ", configuration.getDefault()).strip();
        if (text.isEmpty()) {
            return null;
        }
        int by = text.indexOf(BY);
        String limits = by < 0 ? text : text.substring(0, by).strip();
        KeyTemplate ownKey = by < 0
                ? null
                : ConfiguredPolicy.key(text.substring(by + BY.length()).strip(), PROPERTY);
        Policy policy = policy(limits, configuration);
        KeyTemplate key = ownKey == null ? policies.keyOf(policy.name()) : ownKey;
        LimitBinding unbound =
                new LimitBinding(PROPERTY, policy, key == null ? policies.defaultKey() : key, null, Cost.ONE, null);
        keys.check(key == null ? policies.defaultKey() : key, PROPERTY);
        return cases.bind(unbound, ownKey != null, false, false, UnaryOperator.identity());
    }

    private Policy policy(String text, RateLimitConfiguration configuration) {
        if (policies.find(text) != null) {
            return policies.get(text, PROPERTY);
        }
        if (policies.find(NAME) != null) {
            throw new ConfigurationException(PROPERTY + " = \"" + text
                    + "\" would be a second policy of the name \"default\"; write " + PROPERTY
                    + ": default, or give ratelimit.policies.default another name.");
        }
        try {
            return Policy.of(NAME, LimitSet.parse(text))
                    .withOnError(configuration.getOnError())
                    .withShadow(configuration.isShadow());
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(
                    PROPERTY + " = " + e.getMessage() + " It may also be one of the policies " + policies.names() + ".",
                    e);
        }
    }

    /**
     * Returns the limit.
     *
     * @return {@code null} if there is none
     */
    public @Nullable LimitBinding get() {
        return limit;
    }

    /**
     * Returns whether the limit is enforced after authentication.
     *
     * @return {@code true} if there is a limit that depends on the user
     */
    public boolean isAfterAuthentication() {
        LimitBinding current = limit;
        return current != null && current.isAfterAuthentication(keys);
    }

    @Override
    public Collection<LimitBinding> all() {
        LimitBinding current = limit;
        return current == null ? List.of() : List.of(current);
    }
}
