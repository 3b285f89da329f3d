package io.github.micronautratelimit.config;

import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.util.StringUtils;

/** Refuses to start where the live page is switched on and cannot be there. */
@Context
@RequiresRateLimit
@Requires(property = DashboardNeedsManagement.PROPERTY, value = StringUtils.TRUE)
@Requires(missingClasses = "io.micronaut.management.endpoint.annotation.Endpoint")
final class DashboardNeedsManagement {

    static final String PROPERTY = RateLimitConfiguration.PREFIX + ".dashboard.enabled";

    DashboardNeedsManagement() {
        throw new ConfigurationException(PROPERTY + " = \"true\": the live page is a management endpoint; add the dependency "
                + "io.micronaut:micronaut-management, or leave this setting out.");
    }
}
