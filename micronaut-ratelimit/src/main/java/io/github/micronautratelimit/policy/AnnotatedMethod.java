package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.micronaut.aop.Adapter;
import io.micronaut.aop.Intercepted;
import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.http.annotation.HttpMethodMapping;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.inject.annotation.AbstractEnvironmentAnnotationMetadata;
import io.micronaut.inject.annotation.AnnotationMetadataHierarchy;
import io.micronaut.inject.annotation.EvaluatedAnnotationMetadata;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A method of a bean, with the annotations of the method and its class as they are in the source.
 *
 * @param beanType the class of the bean, or a proxy of it
 * @param method   the method
 * @param product  the {@code @Factory} method that produces the bean; {@code null} if it is no such bean. Its
 *                 annotations count as those of the class
 */
record AnnotatedMethod(Class<?> beanType, ExecutableMethod<?, ?> method, @Nullable String product) {

    /** Their routes are the only methods to which a limit of the class applies. Names, because some are optional. */
    private static final List<String> CLASSES_WITH_ROUTES = List.of(
            "io.micronaut.http.annotation.Controller",
            "io.micronaut.websocket.annotation.ServerWebSocket",
            "io.micronaut.management.endpoint.annotation.Endpoint");

    private static final List<String> ROUTES = List.of(
            HttpMethodMapping.class.getName(),
            "io.micronaut.management.endpoint.annotation.Read",
            "io.micronaut.management.endpoint.annotation.Write",
            "io.micronaut.management.endpoint.annotation.Delete");

    /** Called by the container itself, which would not understand a denial. */
    private static final List<String> CALLED_BY_CONTAINER =
            List.of("jakarta.annotation.PostConstruct", "jakarta.annotation.PreDestroy", "jakarta.inject.Inject");

    private static final Set<String> METHODS_OF_OBJECT =
            Set.of("toString()", "hashCode()", "equals(Object)", "clone()", "finalize()");

    /** Returns whether the class consists of routes: a controller, a WebSocket or a management endpoint. */
    boolean isInClassWithRoutes() {
        AnnotationMetadata ofClass = classAnnotations();
        return CLASSES_WITH_ROUTES.stream().anyMatch(ofClass::hasStereotype);
    }

    /** Returns whether the method is a route by its annotations. A {@code RouteBuilder} may make others a route. */
    boolean isMappedRoute() {
        return isInClassWithRoutes() && ROUTES.stream().anyMatch(method::hasStereotype);
    }

    /** Returns whether a limit of the class counts calls of the method that are not requests. */
    boolean isCountedByClass() {
        return !isInClassWithRoutes()
                && !METHODS_OF_OBJECT.contains(signature())
                && CALLED_BY_CONTAINER.stream().noneMatch(method::hasAnnotation);
    }

    /**
     * Returns whether the bean only passes calls on to an annotated method, as the bean does that Micronaut makes of an
     * {@code @EventListener} method. It has the annotations of the method, which is limited itself.
     */
    boolean isAdapter() {
        return classAnnotations().hasStereotype(Adapter.class);
    }

    private AnnotationMetadata classAnnotations() {
        AnnotationMetadataHierarchy hierarchy = hierarchy();
        return hierarchy == null ? source(method.getAnnotationMetadata()) : hierarchy.getRootMetadata();
    }

    WebSocketMethod role() {
        return WebSocketMethod.of(method);
    }

    /**
     * Returns whether the annotations of the class do not apply. The message method of a WebSocket may represent its
     * connections, so only an annotation of the class counts for it.
     */
    boolean isExempt() {
        AnnotationMetadataHierarchy hierarchy = hierarchy();
        return role() == WebSocketMethod.MESSAGE && hierarchy != null
                ? hierarchy.getRootMetadata().hasAnnotation(NoRateLimit.class)
                : method.hasAnnotation(NoRateLimit.class);
    }

    AnnotatedElement ownerClass() {
        AnnotationMetadataHierarchy hierarchy = hierarchy();
        if (product != null) {
            return new AnnotatedElement(
                    hierarchy == null ? source(method.getAnnotationMetadata()) : hierarchy.getDeclaredMetadata(),
                    product,
                    method,
                    WebSocketMethod.NONE);
        }
        return new AnnotatedElement(
                classAnnotations(),
                owner().getName(),
                method,
                WebSocketMethod.isServer(method) ? WebSocketMethod.OPEN : WebSocketMethod.NONE);
    }

    /** Returns the method with its own annotations, or {@code null} if it has none or is exempt. */
    @Nullable
    AnnotatedElement ownMethod() {
        AnnotationMetadataHierarchy hierarchy = hierarchy();
        if (product != null
                || hierarchy == null
                || hierarchy.getDeclaredMetadata().hasAnnotation(NoRateLimit.class)) {
            return null;
        }
        return new AnnotatedElement(
                hierarchy.getDeclaredMetadata(), owner().getName() + "." + signature(), method, role());
    }

    private String signature() {
        return Arrays.stream(method.getArgumentTypes())
                .map(Class::getSimpleName)
                .collect(Collectors.joining(",", method.getMethodName() + "(", ")"));
    }

    /** A method without annotations of its own has no hierarchy, but the annotations of its class. */
    private @Nullable AnnotationMetadataHierarchy hierarchy() {
        return source(method.getAnnotationMetadata()) instanceof AnnotationMetadataHierarchy hierarchy
                ? hierarchy
                : null;
    }

    /** Removes the wrappers that the framework adds, once or more, for properties and expressions. */
    private static AnnotationMetadata source(AnnotationMetadata metadata) {
        if (metadata instanceof EvaluatedAnnotationMetadata evaluated) {
            return source(evaluated.getAnnotationMetadata());
        }
        if (metadata instanceof AbstractEnvironmentAnnotationMetadata resolved) {
            return source(resolved.getAnnotationMetadata());
        }
        if (metadata instanceof AnnotationMetadataHierarchy one && one.getRootMetadata() == one.getDeclaredMetadata()) {
            return source(one.getRootMetadata());
        }
        return metadata;
    }

    /**
     * Returns the class or interface that the bean is written as. It may inherit the method from another, which other
     * beans may share.
     */
    Class<?> owner() {
        Class<?> owner = beanType;
        Class<?> proxy = beanType;
        while (Intercepted.class.isAssignableFrom(owner)) {
            proxy = owner;
            owner = owner.getSuperclass();
        }
        // The proxy of an interface lists the interface first, before the markers of the framework.
        return owner == Object.class && proxy.getInterfaces().length > 0 ? proxy.getInterfaces()[0] : owner;
    }
}
