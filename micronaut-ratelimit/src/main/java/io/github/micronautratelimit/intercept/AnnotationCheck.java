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

    @Override
    public void process(BeanDefinition<?> bean, ExecutableMethod<?, ?> method) {
        annotated.of(bean.getBeanType(), method);
    }
}
