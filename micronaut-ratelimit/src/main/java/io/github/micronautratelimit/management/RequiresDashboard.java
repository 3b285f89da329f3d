package io.github.micronautratelimit.management;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import io.micronaut.management.endpoint.annotation.Endpoint;

/** For beans that are there only if {@code ratelimit.dashboard.enabled} is {@code true}. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@RequiresRateLimit
@Requires(classes = Endpoint.class)
@Requires(property = RequiresDashboard.PROPERTY, value = StringUtils.TRUE)
@interface RequiresDashboard {

    /** Switches the page on. */
    String PROPERTY = RateLimitConfiguration.PREFIX + ".dashboard.enabled";
}
