package io.github.micronautratelimit.configuration;

import io.micronaut.context.env.Environment;
import io.micronaut.context.env.PropertySource;
import io.micronaut.core.annotation.Internal;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Tells the policies of the configuration from those that the framework makes of an environment variable. It reads
 * {@code RATELIMIT_POLICIES_ROLE_REQUESTS_LIMITS} also as a property of a policy {@code role}.
 */
@Internal
public final class WrittenPolicies {

    private static final String PREFIX = RateLimitConfiguration.PREFIX + ".policies";

    private WrittenPolicies() {}

    /**
     * Removes the policies without any property that only environment variables seem to name.
     *
     * @param policies    the policies that the framework has found
     * @param environment the environment
     * @return the policies that were written
     */
    public static List<PolicyConfiguration> among(List<PolicyConfiguration> policies, Environment environment) {
        if (policies.stream().noneMatch(PolicyConfiguration::isEmpty)) {
            return policies;
        }
        Set<PropertyName> names = namesOutsideVariables(environment);
        return policies.stream()
                .filter(policy -> !policy.isEmpty() || names.contains(PropertyName.of(PREFIX + "." + policy.getName())))
                .toList();
    }

    private static Set<PropertyName> namesOutsideVariables(Environment environment) {
        Set<PropertyName> names = new HashSet<>();
        for (PropertySource source : environment.getPropertySources()) {
            if (source.getConvention() != PropertySource.PropertyConvention.ENVIRONMENT_VARIABLE) {
                for (String property : source) {
                    if (property.startsWith(PREFIX + ".")) {
                        names.add(new PropertyName(
                                PropertyName.of(property).parts().subList(0, 3)));
                    } else if (property.equals(PREFIX) && source.get(property) instanceof Map<?, ?> policies) {
                        policies.keySet().forEach(name -> names.add(PropertyName.of(PREFIX + "." + name)));
                    }
                }
            }
        }
        return names;
    }
}
