package io.github.micronautratelimit.configuration;

import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks beans that exist unless {@code ratelimit.enabled} is {@code false}. Used by all modules of this library, among
 * them the backends.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
@Requires(
        property = RateLimitConfiguration.PREFIX + ".enabled",
        notEquals = StringUtils.FALSE,
        defaultValue = StringUtils.TRUE)
public @interface RequiresRateLimit {}
