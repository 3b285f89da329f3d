package io.github.micronautratelimit.configuration;

import io.micronaut.context.env.Environment;
import io.micronaut.context.env.PropertySource;
import io.micronaut.core.annotation.Internal;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Tells the policies and clients of the configuration from those that the framework makes of an environment variable.
 * It reads {@code RATELIMIT_POLICIES_ROLE_REQUESTS_LIMITS} also as a property of a policy {@code role}.
 */
@Internal
public final class WrittenNames {

    private WrittenNames() {}

    /**
     * Removes the policies without any property that only environment variables seem to name.
     *
     * @param policies    the policies that the framework has found
     * @param environment the environment
     * @return the policies that were written
     */
    public static List<PolicyConfiguration> policies(List<PolicyConfiguration> policies, Environment environment) {
        return written(policies, PolicyConfiguration::isEmpty, PolicyConfiguration::getName, "policies", environment);
    }

    /**
     * Removes the clients without any property that only environment variables seem to name.
     *
     * @param clients     the clients that the framework has found
     * @param environment the environment
     * @return the clients that were written
     */
    public static List<ClientConfiguration> clients(List<ClientConfiguration> clients, Environment environment) {
        return written(clients, ClientConfiguration::isEmpty, ClientConfiguration::getName, "clients", environment);
    }

    private static <T> List<T> written(
            List<T> entries, Predicate<T> isEmpty, Function<T, String> name, String section, Environment environment) {
        if (entries.stream().noneMatch(isEmpty)) {
            return entries;
        }
        String prefix = RateLimitConfiguration.PREFIX + "." + section;
        Set<PropertyName> names = namesOutsideVariables(prefix, environment);
        return entries.stream()
                .filter(entry ->
                        !isEmpty.test(entry) || names.contains(PropertyName.of(prefix + "." + name.apply(entry))))
                .toList();
    }

    private static Set<PropertyName> namesOutsideVariables(String prefix, Environment environment) {
        Set<PropertyName> names = new HashSet<>();
        for (PropertySource source : environment.getPropertySources()) {
            if (source.getConvention() != PropertySource.PropertyConvention.ENVIRONMENT_VARIABLE) {
                for (String property : source) {
                    if (property.startsWith(prefix + ".")) {
                        names.add(new PropertyName(
                                PropertyName.of(property).parts().subList(0, 3)));
                    } else if (property.equals(prefix) && source.get(property) instanceof Map<?, ?> entries) {
                        entries.keySet().forEach(name -> names.add(PropertyName.of(prefix + "." + name)));
                    }
                }
            }
        }
        return names;
    }
}
