package io.github.micronautratelimit.annotation;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The container for repeated {@link RateLimit} annotations. Applications repeat {@link RateLimit} instead. */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE, ElementType.ANNOTATION_TYPE})
@RateLimited
public @interface RateLimits {

    /**
     * Returns the repeated annotations.
     *
     * @return the limits, which all apply
     */
    RateLimit[] value();
}
