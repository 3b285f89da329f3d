package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.web.PolicyOverrides;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Resolves the policy of a key: its configured override, or the result of the {@link PolicyResolver}. */
@Internal
@Singleton
@RequiresRateLimit
public class EffectivePolicyResolver {

    private final PolicyOverrides<HttpRequest<?>> overrides;

    EffectivePolicyResolver(PolicyRegistry policies, Optional<PolicyResolver> resolver) {
        this.overrides = new PolicyOverrides<>(policies::forKey, resolver.orElse(null));
    }

    /**
     * Returns the policy for a key.
     *
     * @param policy  the policy as configured or annotated
     * @param key     identifies the caller that is limited
     * @param request the request, or {@code null}
     * @return the policy with the limits of the key
     */
    public Policy of(Policy policy, String key, @Nullable HttpRequest<?> request) {
        Policy effective = overrides.of(policy, key, request);
        // A resolver may make a new policy.
        return policy.isShadow() && !effective.isShadow() ? effective.asShadow() : effective;
    }
}
