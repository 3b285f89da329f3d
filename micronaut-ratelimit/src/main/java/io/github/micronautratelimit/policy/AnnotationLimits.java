package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.aop.Intercepted;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.ExecutableMethod;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The limits that annotations put on methods and their classes. Reads each method once. */
@Internal
@Singleton
@RequiresRateLimit
public class AnnotationLimits implements LimitBindings {

    private final AnnotationReader reader;
    private final FactoryProducts products;
    private final WebSocketSupport webSockets;
    private final Map<AnnotatedMethod, MethodLimits> cache = new ConcurrentHashMap<>();
    /** Methods that were requested as routes, which a {@code RouteBuilder} may have made of any. */
    private final Set<AnnotatedMethod> requested = ConcurrentHashMap.newKeySet();
    /** Methods of services whose calls are decided before they reach the bean. */
    private final Set<AnnotatedMethod> decidedBefore = ConcurrentHashMap.newKeySet();
    /** Methods whose limits were checked when the application started. */
    private final Set<AnnotatedMethod> checked = ConcurrentHashMap.newKeySet();

    /**
     * The limits of a method and its class by kind.
     *
     * @param requests    those of requests, if the method is a route
     * @param calls       those of other calls
     * @param own         the part of {@code calls} that is written on the method
     * @param connections those of connections to a WebSocket
     * @param messages    those of messages of a WebSocket
     */
    private record MethodLimits(
            List<LimitBinding> requests,
            List<LimitBinding> calls,
            List<LimitBinding> own,
            List<LimitBinding> connections,
            List<LimitBinding> messages) {

        static final MethodLimits NONE = new MethodLimits(List.of(), List.of(), List.of(), List.of(), List.of());

        void checkPlacement(AnnotatedMethod method) {
            LimitPlacement.check(method, requests.subList(0, requests.size() - own.size()), own);
        }

        static MethodLimits ofSocket(List<LimitBinding> connections, List<LimitBinding> messages) {
            return new MethodLimits(List.of(), List.of(), List.of(), connections, messages);
        }
    }

    AnnotationLimits(AnnotationReader reader, FactoryProducts products, WebSocketSupport webSockets) {
        this.reader = reader;
        this.products = products;
        this.webSockets = webSockets;
    }

    /**
     * Returns the limits on requests to a route.
     *
     * @param beanType the class of the bean, or a proxy of it
     * @param method   the method of the route
     * @return the limits of the class, then those of the method, all with a key or an expression for it; empty if there
     *         are none, the method is exempt, or it belongs to a WebSocket, whose connections and messages are limited
     *         instead
     * @throws ConfigurationException if an annotation is invalid, or names a policy or bean that does not exist
     */
    public List<LimitBinding> ofRequests(Class<?> beanType, ExecutableMethod<?, ?> method) {
        AnnotatedMethod route = new AnnotatedMethod(beanType, method, null);
        requested.add(route);
        return limits(route).requests;
    }

    /**
     * Returns the limits on calls of a service that come from outside, such as those of gRPC. The caller enforces them,
     * so the advice on the bean no longer does.
     *
     * @param beanType the class of the bean, or a proxy of it
     * @param method   the method of the service
     * @return the limits, as those of a route
     * @throws ConfigurationException if an annotation is invalid, or names a policy or bean that does not exist
     */
    public List<LimitBinding> ofServiceCalls(Class<?> beanType, ExecutableMethod<?, ?> method) {
        decidedBefore.add(new AnnotatedMethod(beanType, method, null));
        return ofRequests(beanType, method);
    }

    /**
     * Returns whether a limit on requests to a route depends on the arguments of its method.
     *
     * @param beanType the class of the bean, or a proxy of it
     * @param method   the method of the route
     * @return {@code true} if the interceptor enforces a limit, because the filters do not know the arguments
     * @throws ConfigurationException if an annotation is invalid, or names a policy or bean that does not exist
     */
    public boolean needsArguments(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return limits(new AnnotatedMethod(beanType, method, null)).requests.stream()
                .anyMatch(LimitBinding::needsArguments);
    }

    /**
     * Returns the limits on a call of a method that is not the request to a route.
     *
     * @param target   the called object
     * @param method   the method
     * @param routeOf  the class of the route that makes the call, or a proxy of it; {@code null} if there is none. Its
     *                 limits have counted the request, so they do not count its other methods
     * @return the limits of the class, unless it consists of routes, then those of the method; empty if there are none
     *         or the method is exempt
     * @throws ConfigurationException if an annotation is invalid, or names a policy or bean that does not exist
     */
    public List<LimitBinding> ofCalls(Object target, ExecutableMethod<?, ?> method, @Nullable Class<?> routeOf) {
        AnnotatedMethod called = annotated(target, method);
        if (decidedBefore.contains(called)) {
            return List.of();
        }
        MethodLimits limits = limits(called);
        return routeOf != null
                        && !limits.calls.isEmpty()
                        && called.owner() == new AnnotatedMethod(routeOf, method, null).owner()
                ? limits.own
                : limits.calls;
    }

    private AnnotatedMethod annotated(Object target, ExecutableMethod<?, ?> method) {
        if (target instanceof Intercepted) {
            return new AnnotatedMethod(target.getClass(), method, null);
        }
        String product = products.producerOf(method);
        return new AnnotatedMethod(product == null ? target.getClass() : method.getDeclaringType(), method, product);
    }

    /**
     * Reads a method when the application starts.
     *
     * @param bean   the definition of its bean
     * @param method the method
     * @throws ConfigurationException if an annotation is invalid, or cannot be enforced
     */
    void check(BeanDefinition<?> bean, ExecutableMethod<?, ?> method) {
        String product = FactoryProducts.producer(bean).orElse(null);
        AnnotatedMethod annotated =
                new AnnotatedMethod(product == null ? bean.getBeanType() : method.getDeclaringType(), method, product);
        MethodLimits limits = limits(annotated);
        limits.connections.forEach(webSockets::require);
        limits.messages.forEach(webSockets::require);
        limits.checkPlacement(annotated);
        checked.add(annotated);
    }

    /**
     * Returns the limits on connections to a WebSocket: those of its class and of its {@code @OnOpen} method.
     *
     * @param beanType the class of the WebSocket
     * @param method   its {@code @OnOpen} method, or its {@code @OnMessage} method if it has no other
     * @return the limits; empty if there are none, or the class is not a WebSocket
     * @throws ConfigurationException if an annotation is invalid, or names a policy or bean that does not exist
     */
    public List<LimitBinding> ofConnections(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return limits(new AnnotatedMethod(beanType, method, null)).connections;
    }

    /**
     * Returns the limits on the messages of a WebSocket.
     *
     * @param beanType the class of the WebSocket
     * @param method   a method of it
     * @return the limits; empty if there are none, or the method is not an {@code @OnMessage} method
     * @throws ConfigurationException if an annotation is invalid, or names a policy or bean that does not exist
     */
    public List<LimitBinding> ofMessages(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return limits(new AnnotatedMethod(beanType, method, null)).messages;
    }

    /** Reads outside the map, because a limit may look up other beans, whose methods are limited too. */
    private MethodLimits limits(AnnotatedMethod method) {
        MethodLimits cached = cache.get(method);
        if (cached == null) {
            MethodLimits read = read(method);
            MethodLimits first = cache.putIfAbsent(method, read);
            return first == null ? read : first;
        }
        return cached;
    }

    @Override
    public Collection<LimitBinding> all() {
        return byMethod().values().stream().flatMap(List::stream).toList();
    }

    /** Returns the limits of each method that was read: those of requests for a route, otherwise those of calls. */
    Map<AnnotatedMethod, List<LimitBinding>> byMethod() {
        Map<AnnotatedMethod, List<LimitBinding>> byMethod = new HashMap<>();
        cache.forEach((method, limits) -> byMethod.put(
                method,
                Stream.of(isRoute(method) ? limits.requests : limits.calls, limits.connections, limits.messages)
                        .flatMap(List::stream)
                        .toList()));
        return byMethod;
    }

    private boolean isRoute(AnnotatedMethod method) {
        return method.isMappedRoute() || requested.contains(method);
    }

    /**
     * Reads all cached methods again.
     *
     * @param dependents checks the new limits
     * @throws ConfigurationException if an annotation has become invalid, or {@code dependents} throws it; the previous
     *                                limits then stay in force
     */
    public void reload(Runnable dependents) {
        Map<AnnotatedMethod, MethodLimits> previous = Map.copyOf(cache);
        Map<AnnotatedMethod, MethodLimits> limits = new HashMap<>();
        previous.keySet().forEach(method -> limits.put(method, read(method)));
        checked.forEach(method -> limits.getOrDefault(method, MethodLimits.NONE).checkPlacement(method));
        cache.putAll(limits);
        try {
            dependents.run();
        } catch (RuntimeException e) {
            cache.putAll(previous);
            throw e;
        }
    }

    /**
     * Returns whether requests to a route open connections to a WebSocket.
     *
     * @param method the method of the route
     * @return {@code true} for a method of a WebSocket
     */
    public boolean isWebSocket(ExecutableMethod<?, ?> method) {
        return WebSocketMethod.of(method) != WebSocketMethod.NONE;
    }

    /**
     * Returns whether a method is exempt from every limit that is not annotated on the method itself.
     *
     * @param method the method
     * @return {@code true} if the method or its class has {@link NoRateLimit}; for the {@code @OnMessage} method of a
     *         WebSocket, only an annotation of the class counts
     */
    public boolean isExempt(ExecutableMethod<?, ?> method) {
        return new AnnotatedMethod(method.getDeclaringType(), method, null).isExempt();
    }

    private MethodLimits read(AnnotatedMethod method) {
        if (method.isAdapter()) {
            return MethodLimits.NONE;
        }
        AnnotatedElement ownMethod = method.ownMethod();
        List<LimitBinding> ofClass = method.isExempt() ? List.of() : reader.read(method.ownerClass());
        List<LimitBinding> ofMethod = ownMethod == null ? List.of() : reader.read(ownMethod);
        return switch (method.role()) {
            case NONE -> callLimits(method, ofClass, ofMethod);
            case OPEN -> MethodLimits.ofSocket(joined(ofClass, ofMethod), List.of());
            case MESSAGE -> MethodLimits.ofSocket(ofClass, ofMethod);
            case EVENT -> MethodLimits.NONE;
        };
    }

    private MethodLimits callLimits(AnnotatedMethod method, List<LimitBinding> ofClass, List<LimitBinding> ofMethod) {
        List<LimitBinding> own = method.isMappedRoute() ? reader.withDefaultKey(ofMethod) : ofMethod;
        return new MethodLimits(
                reader.withDefaultKey(joined(ofClass, ofMethod)),
                method.isCountedByClass() ? joined(ofClass, own) : own,
                own,
                List.of(),
                List.of());
    }

    private static List<LimitBinding> joined(List<LimitBinding> first, List<LimitBinding> second) {
        List<LimitBinding> all = new ArrayList<>(first);
        all.addAll(second);
        return List.copyOf(all);
    }
}
