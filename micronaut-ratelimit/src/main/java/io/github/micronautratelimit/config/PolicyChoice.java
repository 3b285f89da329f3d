package io.github.micronautratelimit.config;

import java.util.Optional;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.OwnNumbers;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;

/** The numbers that hold for a key: those configured for it alone, else what a {@link PolicyResolver} says. */
@Singleton
@RequiresRateLimit
public class PolicyChoice {

    private final OwnNumbers<HttpRequest<?>> numbers;

    PolicyChoice(Policies policies, Optional<PolicyResolver> resolver) {
        this.numbers = new OwnNumbers<>(policies::forKey, resolver.orElse(null));
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
        return numbers.of(policy, key, request);
    }
}
