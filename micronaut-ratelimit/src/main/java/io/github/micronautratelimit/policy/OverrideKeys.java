package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.ClientAddressResolver;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.LimitCheck;
import io.micronaut.context.exceptions.ConfigurationException;
import jakarta.inject.Singleton;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Rejects overrides for keys that no limit of their policy ever has. */
@Singleton
@RequiresRateLimit
final class OverrideKeys {

    private final PolicyRegistry policies;
    private final @Nullable ClientAddress addresses;

    /** Knows the form of addresses unless the application has a resolver of its own. */
    OverrideKeys(PolicyRegistry policies, ClientAddress addresses, ClientAddressResolver resolver) {
        this.policies = policies;
        this.addresses = resolver.getClass() == ClientAddressResolver.class ? addresses : null;
    }

    /**
     * Checks the overrides of all policies. Those of a policy that only code uses may be for any keys.
     *
     * @throws ConfigurationException if an override can never apply
     */
    void check(Collection<LimitBinding> limits) {
        policies.names().forEach(policy -> {
            List<LimitBinding> uses = limits.stream()
                    .filter(limit -> limit.policy().writtenName().equals(policy))
                    .flatMap(limit -> limit.variants().stream())
                    .toList();
            for (String key : policies.overridesOf(policy).keySet()) {
                String reason = uses.stream()
                        .map(use -> mismatch(key, use))
                        .reduce((one, other) -> one.isEmpty() || other.isEmpty() ? "" : one)
                        .orElse("");
                if (!reason.isEmpty()) {
                    throw new ConfigurationException("ratelimit.policies." + policy + ".overrides: the key \"" + key
                            + "\" never occurs, because " + reason);
                }
            }
        });
    }

    /** Returns why a limit never has a key; empty if it may have it. */
    private String mismatch(String key, LimitBinding limit) {
        if (limit.keyExpression() != null) {
            return "";
        }
        String reason = limit.key() == null
                ? "all callers share one key; give the policy a key such as \"{principal}\", or remove the override."
                : LimitCheck.mismatch(key, limit.key(), addresses);
        return reason == null ? "" : reason;
    }
}
