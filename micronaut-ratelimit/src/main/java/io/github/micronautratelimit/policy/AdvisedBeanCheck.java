package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.aop.Introduced;
import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Context;
import io.micronaut.inject.AdvisedBeanType;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.BeanDefinitionReference;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.inject.ProxyBeanDefinition;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Reads the limits of the beans whose methods the framework does not process at the start: interfaces that it
 * implements, such as clients, and products of factories. {@link AnnotationCheck} reads those of all other beans.
 */
@Context
@RequiresRateLimit
final class AdvisedBeanCheck {

    private static final String FRAMEWORK = "io.micronaut.";

    AdvisedBeanCheck(BeanContext beans, AnnotationLimits annotations) {
        Set<Class<?>> types = new LinkedHashSet<>();
        for (BeanDefinitionReference<?> reference : beans.getBeanDefinitionReferences()) {
            if (reference instanceof AdvisedBeanType<?> advised
                    && !reference.getName().startsWith(FRAMEWORK)) {
                types.add(advised.getInterceptedType());
            }
        }
        types.forEach(type -> check(beans, annotations, type));
    }

    private static void check(BeanContext beans, AnnotationLimits annotations, Class<?> type) {
        for (BeanDefinition<?> definition : beans.getBeanDefinitions(type)) {
            BeanDefinition<?> target = target(beans, definition);
            if (Introduced.class.isAssignableFrom(target.getBeanType())
                    || FactoryProducts.producer(target).isPresent()) {
                for (ExecutableMethod<?, ?> method : target.getExecutableMethods()) {
                    if (method.hasStereotype(RateLimited.class)) {
                        annotations.check(target, method);
                    }
                }
            }
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static BeanDefinition<?> target(BeanContext beans, BeanDefinition<?> definition) {
        return definition instanceof ProxyBeanDefinition
                ? (BeanDefinition<?>) beans.findProxyTargetBeanDefinition((BeanDefinition) definition)
                        .orElse(definition)
                : definition;
    }
}
