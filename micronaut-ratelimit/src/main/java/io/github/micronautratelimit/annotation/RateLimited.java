package io.github.micronautratelimit.annotation;

import io.micronaut.aop.Around;
import io.micronaut.context.annotation.Executable;
import io.micronaut.core.annotation.Internal;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The meta-annotation of {@link RateLimit} and {@link RateLimits}. Methods with it are intercepted, and their
 * annotations are checked at start-up.
 */
@Internal
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.ANNOTATION_TYPE)
@Around
@Executable(processOnStartup = true)
public @interface RateLimited {}
