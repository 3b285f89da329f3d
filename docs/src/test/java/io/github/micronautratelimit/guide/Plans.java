package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.policy.PolicyResolver;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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
