package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.inject.MethodInjectionPoint;
import io.micronaut.inject.ProxyBeanDefinition;
import jakarta.inject.Singleton;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Names the {@code @Factory} methods that produce limited beans. Two of them may produce beans of one class, with
 * limits of their own. The objects of both have equal methods, so this compares methods by identity: each bean
 * definition has its own.
 */
@Singleton
@RequiresRateLimit
final class FactoryProducts {

    private final BeanContext beans;
    /** Bounded by the methods of limited beans, because only the definitions of beans create these. */
    private final Map<Identity, Optional<String>> names = new ConcurrentHashMap<>();

    FactoryProducts(BeanContext beans) {
        this.beans = beans;
    }

    private record Identity(ExecutableMethod<?, ?> method) {

        @Override
        @SuppressWarnings("ReferenceEquality")
        public boolean equals(@Nullable Object other) {
            return other instanceof Identity identity && identity.method == method;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(method);
        }
    }

    /**
     * Returns the factory method that produces the bean of a method.
     *
     * @param method a method that a proxy calls on another object
     * @return its class, name and argument types; {@code null} if a class is the bean
     */
    @Nullable
    String producerOf(ExecutableMethod<?, ?> method) {
        return names.computeIfAbsent(new Identity(method), key -> find(method)).orElse(null);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private Optional<String> find(ExecutableMethod<?, ?> method) {
        for (BeanDefinition<?> proxy : beans.getBeanDefinitions(method.getDeclaringType())) {
            if (proxy instanceof ProxyBeanDefinition) {
                BeanDefinition<?> target =
                        (BeanDefinition<?>) beans.findProxyTargetBeanDefinition((BeanDefinition) proxy)
                                .orElse(null);
                if (target != null && isMethodOf(target, method)) {
                    return producer(target);
                }
            }
        }
        return Optional.empty();
    }

    @SuppressWarnings("ReferenceEquality")
    private static boolean isMethodOf(BeanDefinition<?> definition, ExecutableMethod<?, ?> method) {
        return definition
                        .findMethod(method.getMethodName(), method.getArgumentTypes())
                        .orElse(null)
                == method;
    }

    /** Returns the factory method of a definition, or nothing if its bean is created by a constructor. */
    static Optional<String> producer(BeanDefinition<?> definition) {
        if (definition.getConstructor() instanceof MethodInjectionPoint<?, ?> factory) {
            return Optional.of(factory.getDeclaringBean()
                            .getDeclaringType()
                            .orElse(Object.class)
                            .getName() + "."
                    + factory.getName()
                    + Arrays.stream(factory.getArguments())
                            .map(argument -> argument.getType().getSimpleName())
                            .collect(Collectors.joining(",", "(", ")")));
        }
        return Optional.empty();
    }
}
