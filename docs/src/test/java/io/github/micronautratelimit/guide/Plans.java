package io.github.micronautratelimit.guide;

import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.config.PolicyResolver;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;

// tag::plans[]
@Singleton
class Plans implements PolicyResolver {

    private static final List<Limit> PREMIUM = Limit.parseAll("1000/min");

    private final Set<String> premium = Set.of("acme");

    @Override
    public Policy resolve(Policy policy, String key, @Nullable HttpRequest<?> request) {
        return premium.contains(key) ? policy.withLimits(PREMIUM) : policy;
    }
}
// end::plans[]
