package io.github.micronautratelimit.config;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.Policy;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;

/** The numbers that hold for a key: those configured for it alone, else what a {@link PolicyResolver} says. */
@Singleton
@RequiresRateLimit
public class PolicyChoice {

    private static final Logger LOG = LoggerFactory.getLogger(PolicyChoice.class);

    private final Policies policies;
    private final @Nullable PolicyResolver resolver;
    private final AtomicBoolean failed = new AtomicBoolean();

    PolicyChoice(Policies policies, Optional<PolicyResolver> resolver) {
        this.policies = policies;
        this.resolver = resolver.orElse(null);
    }

    /**
     * The policy for a key.
     *
     * @param policy  as configured or annotated
     * @param key     who is limited
     * @param request the request, or {@code null}
     * @return the policy with the numbers that hold
     */
    public Policy of(Policy policy, String key, @Nullable HttpRequest<?> request) {
        Policy own = policies.forKey(policy, key);
        if (own != policy || resolver == null) {
            return own;
        }
        try {
            return resolver.resolve(policy, key, request);
        } catch (RuntimeException e) {
            if (failed.compareAndSet(false, true)) {
                LOG.warn("{} failed for the policy \"{}\", whose own numbers hold. Further failures of it are not logged.",
                        resolver.getClass().getName(), policy.name(), e);
            }
            return policy;
        }
    }
}
