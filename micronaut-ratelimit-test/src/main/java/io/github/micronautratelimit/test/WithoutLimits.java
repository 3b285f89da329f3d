package io.github.micronautratelimit.test;

import io.micronaut.context.annotation.Property;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Lets a test class or a test method of {@code @MicronautTest} run without limits: they are in shadow mode, so they
 * count requests and deny none.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
@Property(name = "ratelimit.shadow", value = "true")
public @interface WithoutLimits {}
