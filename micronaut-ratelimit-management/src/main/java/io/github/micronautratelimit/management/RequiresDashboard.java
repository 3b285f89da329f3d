package io.github.micronautratelimit.management;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Limits a bean to applications with {@code ratelimit.dashboard.enabled: true}. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@RequiresRateLimit
@Requires(property = RequiresDashboard.PROPERTY, value = StringUtils.TRUE)
@interface RequiresDashboard {

    /** Enables the live page. */
    String PROPERTY = DashboardConfiguration.PREFIX + ".enabled";
}
