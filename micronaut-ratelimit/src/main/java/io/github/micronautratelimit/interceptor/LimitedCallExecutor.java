package io.github.micronautratelimit.interceptor;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.configuration.PolicyConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.factory.SelectedBackend;
import io.github.micronautratelimit.policy.AnnotationLimits;
import io.micronaut.context.BeanContext;
import io.micronaut.context.BeanProvider;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Secondary;
import io.micronaut.core.annotation.NonBlocking;
import io.micronaut.core.type.Argument;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.inject.MethodReference;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.executor.DefaultExecutorSelector;
import io.micronaut.scheduling.executor.ThreadSelection;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Moves routes off the event loop if they may call a limited method that must wait for the store, or waits in turn: a
 * plain method of a bean that their class has injected, directly or through other beans, or the method of the route
 * itself, if a limit depends on its arguments. On the event loop, on-error would decide on such a call unless the store
 * had answered at once, and a call that would have to wait in turn would be denied. Routes for which a thread is
 * chosen, or that are {@code @NonBlocking}, keep it.
 */
@Singleton
@Secondary
@RequiresRateLimit
@Requires(classes = DefaultExecutorSelector.class)
@Requires(classes = io.micronaut.http.server.netty.NettyHttpRequest.class)
@Replaces(DefaultExecutorSelector.class)
class LimitedCallExecutor extends DefaultExecutorSelector {

    private static final String FRAMEWORK = "io.micronaut.";

    private final BeanContext beans;
    private final BeanProvider<SelectedBackend> backend;
    private final BeanProvider<ExecutorService> blocking;
    private final BeanProvider<AnnotationLimits> limits;
    /** By class, because all routes of a class have the same beans. */
    private final Map<Class<?>, Boolean> waiting = new ConcurrentHashMap<>();

    LimitedCallExecutor(
            BeanContext beans,
            BeanProvider<SelectedBackend> backend,
            @Named(TaskExecutors.IO) BeanProvider<ExecutorService> io,
            @Named(TaskExecutors.BLOCKING) BeanProvider<ExecutorService> blocking,
            BeanProvider<AnnotationLimits> limits) {
        super(beans, io, blocking);
        this.beans = beans;
        this.backend = backend;
        this.blocking = blocking;
        this.limits = limits;
    }

    /** Micronaut 5 also selects the thread of events here, which have no method. */
    @Override
    public Optional<ExecutorService> select(@Nullable MethodReference<?, ?> method, ThreadSelection threadSelection) {
        Optional<ExecutorService> chosen = super.select(method, threadSelection);
        return chosen.isPresent() || method == null || method.hasStereotype(NonBlocking.class) || !mayWait(method)
                ? chosen
                : Optional.of(blocking.get());
    }

    private boolean mayWait(MethodReference<?, ?> route) {
        Class<?> routes = route.getDeclaringType();
        Boolean known = waiting.get(routes);
        if (known == null) {
            known = reachesLimitedMethod(routes, new HashSet<>());
            waiting.put(routes, known);
        }
        return known || route instanceof ExecutableMethod<?, ?> method && waitsItself(method);
    }

    /** A limit of a route waits for the arguments, and then for the store. */
    private boolean waitsItself(ExecutableMethod<?, ?> route) {
        return route.hasStereotype(RateLimited.class)
                && !route.isSuspend()
                && !(route.getReturnType().isAsyncOrReactive()
                        && route.getReturnType().isSingleResult())
                && limits.get().needsArguments(route.getDeclaringType(), route)
                && (!isLocal() || waitsInTurn(route));
    }

    /** Searches the beans that the beans of a type have injected. */
    private boolean reachesLimitedMethod(Class<?> type, Set<Class<?>> seen) {
        for (BeanDefinition<?> definition : beans.getBeanDefinitions(type)) {
            if (injected(definition)
                    .filter(dependency -> isOfApplication(dependency) && seen.add(dependency))
                    .anyMatch(dependency -> hasLimitedMethod(dependency) || reachesLimitedMethod(dependency, seen))) {
                return true;
            }
        }
        return false;
    }

    private boolean hasLimitedMethod(Class<?> type) {
        return beans.getBeanDefinitions(type).stream()
                .flatMap(definition -> definition.getExecutableMethods().stream())
                .anyMatch(this::waits);
    }

    private boolean waits(ExecutableMethod<?, ?> method) {
        return method.hasStereotype(RateLimited.class)
                && !method.isSuspend()
                && !method.getReturnType().isAsyncOrReactive()
                && (!isLocal() || waitsInTurn(method));
    }

    /** Limits in memory wait for no store. */
    private boolean isLocal() {
        return backend.get().backend().isLocal();
    }

    private boolean waitsInTurn(ExecutableMethod<?, ?> method) {
        return method.getAnnotationValuesByType(RateLimit.class).stream()
                .anyMatch(limit -> limit.stringValue("maxWait").isPresent()
                        || limit.stringValue("policy").isPresent() && hasPolicyWithWait());
    }

    private boolean hasPolicyWithWait() {
        return beans.getBeansOfType(PolicyConfiguration.class).stream()
                .anyMatch(policy -> policy.findMaxWait().isPresent());
    }

    private static Stream<Class<?>> injected(BeanDefinition<?> definition) {
        return Stream.of(
                        Arrays.stream(definition.getConstructor().getArguments()),
                        definition.getInjectedFields().stream().map(field -> field.asArgument()),
                        definition.getInjectedMethods().stream()
                                .flatMap(method -> Arrays.stream(method.getArguments())))
                .flatMap(arguments -> arguments)
                .map(LimitedCallExecutor::typeOf);
    }

    /** Returns the type of the bean that a provider, an optional or a collection contains. */
    private static Class<?> typeOf(Argument<?> argument) {
        boolean container =
                argument.isProvider() || argument.isOptional() || Collection.class.isAssignableFrom(argument.getType());
        return container
                ? argument.getFirstTypeVariable()
                        .<Class<?>>map(Argument::getType)
                        .orElse(argument.getType())
                : argument.getType();
    }

    private static boolean isOfApplication(Class<?> type) {
        return !type.getName().startsWith(FRAMEWORK) && !type.getName().startsWith("java");
    }
}
