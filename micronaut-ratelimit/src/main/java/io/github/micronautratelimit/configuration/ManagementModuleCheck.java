package io.github.micronautratelimit.configuration;

import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import java.util.List;

/** Fails start-up if the live page or the endpoint is configured and the module that contains them is missing. */
@Context
@RequiresRateLimit
@Requires(missingClasses = "io.github.micronautratelimit.management.DashboardConfiguration")
final class ManagementModuleCheck {

    private static final List<String> PREFIXES = List.of(
            RateLimitConfiguration.PREFIX + ".dashboard",
            OperatorOverridesConfiguration.PREFIX,
            "endpoints.ratelimits",
            "endpoints.ratelimit-dashboard");

    ManagementModuleCheck(Environment environment) {
        for (String prefix : PREFIXES) {
            boolean enabled =
                    environment.getProperty(prefix + ".enabled", Boolean.class).orElse(true);
            if (enabled && environment.containsProperties(prefix)) {
                throw new ConfigurationException("`" + prefix + "` is configured, but the module for it is missing; add"
                        + " the dependency io.github.micronautratelimit:micronaut-ratelimit-management, or remove the"
                        + " property.");
            }
        }
    }
}
