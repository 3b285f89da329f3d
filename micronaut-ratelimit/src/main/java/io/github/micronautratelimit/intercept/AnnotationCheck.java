package io.github.micronautratelimit.intercept;

import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.processor.ExecutableMethodProcessor;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.ExecutableMethod;
import jakarta.inject.Singleton;

/** Reads every annotated method when the application starts, so that a wrong text stops it there and then. */
@Singleton
@RequiresRateLimit
final class AnnotationCheck implements ExecutableMethodProcessor<RateLimited> {

    private final AnnotatedLimits annotated;

    AnnotationCheck(AnnotatedLimits annotated) {
        this.annotated = annotated;
    }

    /** Raw, because Micronaut 4 and 5 declare this method with other type parameters; it overrides both. */
    @Override
    @SuppressWarnings({"rawtypes", "unchecked"})
    public void process(BeanDefinition bean, ExecutableMethod method) {
        annotated.of(bean.getBeanType(), method);
    }
}
