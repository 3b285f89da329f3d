package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.processor.ExecutableMethodProcessor;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.ExecutableMethod;
import jakarta.inject.Singleton;

/** Reads every annotated method when the application starts, so that an invalid annotation fails the start. */
@Singleton
@RequiresRateLimit
final class AnnotationCheck implements ExecutableMethodProcessor<RateLimited> {

    private final AnnotationLimits annotations;

    AnnotationCheck(AnnotationLimits annotations) {
        this.annotations = annotations;
    }

    /** Has raw types, because Micronaut 4 and 5 declare different type parameters; this overrides both. */
    @Override
    @SuppressWarnings({"rawtypes", "unchecked"})
    public void process(BeanDefinition bean, ExecutableMethod method) {
        annotations.check(bean, method);
    }
}
