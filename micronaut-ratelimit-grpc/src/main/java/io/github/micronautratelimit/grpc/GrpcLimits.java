package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.policy.AnnotationLimits;
import io.github.micronautratelimit.policy.LimitBinding;
import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.naming.NameUtils;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.ExecutableMethod;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The limits of gRPC methods, from the annotations of the beans that implement them. Reads them when the application
 * starts, and fails the start if a limit has no method.
 */
@Context
@RequiresRateLimit
final class GrpcLimits {

    /** The names of methods that a service inherits and no client calls. */
    private static final Set<String> INHERITED = Set.of("bindService");

    private final AnnotationLimits annotations;
    private final Map<String, Limited> limited = new HashMap<>();

    /**
     * A method with limits.
     *
     * @param beanType the class of the bean
     * @param method   the method of the bean
     */
    private record Limited(Class<?> beanType, ExecutableMethod<?, ?> method) {}

    GrpcLimits(BeanContext beans, AnnotationLimits annotations) {
        this.annotations = annotations;
        for (BeanDefinition<BindableService> definition : beans.getBeanDefinitions(BindableService.class)) {
            List<? extends ExecutableMethod<?, ?>> methods = definition.getExecutableMethods().stream()
                    .filter(method -> method.hasStereotype(RateLimited.class))
                    .filter(method -> !INHERITED.contains(method.getMethodName()))
                    .toList();
            if (!methods.isEmpty()) {
                add(definition, beans.getBean(definition), methods);
            }
        }
    }

    private void add(
            BeanDefinition<BindableService> definition,
            BindableService service,
            List<? extends ExecutableMethod<?, ?>> methods) {
        Map<String, String> fullNames = new HashMap<>();
        for (ServerMethodDefinition<?, ?> method : service.bindService().getMethods()) {
            MethodDescriptor<?, ?> descriptor = method.getMethodDescriptor();
            fullNames.put(
                    NameUtils.decapitalize(String.valueOf(descriptor.getBareMethodName())),
                    descriptor.getFullMethodName());
        }
        Set<String> unknown = new TreeSet<>();
        boolean limitsSome = false;
        for (ExecutableMethod<?, ?> method : methods) {
            String fullName = fullNames.get(method.getMethodName());
            if (fullName == null) {
                requireOnClass(definition, method, fullNames.keySet());
                unknown.add(method.getMethodName());
            } else {
                limitsSome = true;
                annotations.ofServiceCalls(definition.getBeanType(), method).forEach(GrpcLimits::requireNoArguments);
                limited.put(fullName, new Limited(definition.getBeanType(), method));
            }
        }
        if (!limitsSome && !unknown.isEmpty()) {
            throw limitsNothing(definition, unknown.iterator().next(), fullNames.keySet());
        }
    }

    /** A limit of the class also marks methods that no client calls. One on the method itself would never apply. */
    private static void requireOnClass(
            BeanDefinition<?> definition, ExecutableMethod<?, ?> method, Set<String> methods) {
        if (method.getAnnotationMetadata().getDeclaredMetadata().hasStereotype(RateLimited.class)) {
            throw limitsNothing(definition, method.getMethodName(), methods);
        }
    }

    private static ConfigurationException limitsNothing(
            BeanDefinition<?> definition, String method, Set<String> methods) {
        return new ConfigurationException("@RateLimit on "
                + definition.getBeanType().getName() + "." + method
                + "() limits no gRPC method, because the service has only the methods " + methods
                + "; write it on one of them.");
    }

    /** A call is decided before its messages arrive. */
    private static void requireNoArguments(LimitBinding limit) {
        if (limit.needsArguments()) {
            throw new ConfigurationException(limit.location()
                    + " has an expression over arguments, but a gRPC call is limited before its messages arrive; write"
                    + " a template such as \"{ip}\" or \"{header:x-tenant}\".");
        }
    }

    /** Returns the limits of a method by its full name, such as {@code shop.Orders/List}; empty if it has none. */
    List<LimitBinding> of(String fullMethodName) {
        Limited method = limited.get(fullMethodName);
        return method == null ? List.of() : annotations.ofRequests(method.beanType(), method.method());
    }
}
