package io.github.micronautratelimit.config;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;

/** For beans that are there unless {@code ratelimit.enabled} is {@code false}. */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
@Requires(property = RateLimitConfiguration.PREFIX + ".enabled", notEquals = StringUtils.FALSE,
        defaultValue = StringUtils.TRUE)
public @interface RequiresRateLimit {
}
