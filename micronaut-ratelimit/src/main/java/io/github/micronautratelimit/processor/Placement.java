package io.github.micronautratelimit.processor;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.limit.LimitSet;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.core.annotation.AnnotationUtil;
import io.micronaut.inject.ast.ClassElement;
import io.micronaut.inject.ast.ElementQuery;
import io.micronaut.inject.ast.MethodElement;
import io.micronaut.inject.visitor.VisitorContext;
import java.util.List;
import java.util.Map;

/** Fails the compilation of limits that would have no effect where they are written, or another one. */
final class Placement {

    private static final String ASYNC = "io.micronaut.scheduling.annotation.Async";

    private static final List<String> CLASSES_WITH_ROUTES = List.of(
            "io.micronaut.http.annotation.Controller",
            "io.micronaut.websocket.annotation.ServerWebSocket",
            "io.micronaut.management.endpoint.annotation.Endpoint");

    private static final Map<String, String> CALLED_BY_FRAMEWORK = Map.of(
            "jakarta.annotation.PostConstruct", "a @PostConstruct method, which the container calls",
            "jakarta.annotation.PreDestroy", "a @PreDestroy method, which the container calls",
            "jakarta.inject.Inject", "an @Inject method, which the container calls",
            "io.micronaut.http.annotation.Error", "an @Error method, whose request is already counted");

    private Placement() {}

    static String nameOf(MethodElement method) {
        return method.getOwningType().getName() + "." + method.getName() + "()";
    }

    static void check(ClassElement type, VisitorContext context) {
        if (type.isRecord() || type.isEnum()) {
            context.fail(
                    "@RateLimit on " + type.getName() + " has no effect, because "
                            + (type.isRecord() ? "a record" : "an enum")
                            + " cannot be intercepted; move it to a method of a bean.",
                    type);
        }
    }

    static void check(MethodElement method, VisitorContext context) {
        ClassElement type = method.getOwningType();
        boolean declared = method.hasDeclaredStereotype(RateLimited.class);
        if (declared && (type.isRecord() || type.isEnum())) {
            context.fail(
                    "@RateLimit on " + nameOf(method) + " has no effect, because "
                            + (type.isRecord() ? "a record" : "an enum")
                            + " cannot be intercepted; move it to a method of a bean.",
                    method);
        }
        if (declared) {
            CALLED_BY_FRAMEWORK.forEach((annotation, description) -> {
                if (method.hasDeclaredAnnotation(annotation)) {
                    context.fail(
                            "@RateLimit on " + nameOf(method) + " is on " + description
                                    + "; write it on the routes or methods that are to be limited.",
                            method);
                }
            });
            checkSlots(method, context);
        } else if (method.isProtected()
                && !method.isStatic()
                && method.getDeclaringType().equals(type)
                && type.hasStereotype(RateLimited.class)
                && !method.hasAnnotation(NoRateLimit.class)
                && CLASSES_WITH_ROUTES.stream().noneMatch(type::hasStereotype)
                && !isOfObject(method)) {
            context.fail(
                    "@RateLimit on " + type.getName() + " cannot limit the protected method " + method.getName()
                            + "(), because Micronaut does not intercept it; make the method package-private or public,"
                            + " or write @RateLimit or @NoRateLimit on it.",
                    method);
        }
        if (type.hasDeclaredAnnotation(Factory.class)
                && method.hasDeclaredStereotype(Bean.class.getName(), AnnotationUtil.SCOPE)) {
            checkProduct(method, context);
        }
    }

    private static boolean isOfObject(MethodElement method) {
        return (method.getName().equals("clone") || method.getName().equals("finalize")) && !method.hasParameters();
    }

    private static void checkSlots(MethodElement method, VisitorContext context) {
        if (!method.getReturnType().isVoid() || !method.hasStereotype(ASYNC)) {
            return;
        }
        for (var limit : method.getDeclaredAnnotationValuesByType(RateLimit.class)) {
            if (hasSlots(limit.stringValue().orElse(""))) {
                context.fail(
                        "@RateLimit on " + nameOf(method) + " has the limit \""
                                + limit.stringValue().orElse("")
                                + "\", but " + method.getName() + "() is @Async and returns void, so the end of its"
                                + " work is unknown; return a CompletionStage, such as CompletableFuture<Void>.",
                        method);
            }
        }
    }

    private static boolean hasSlots(String limits) {
        try {
            return LimitSet.parse(limits).concurrency() != null;
        } catch (IllegalArgumentException e) {
            return false; // a property, or an error that is reported elsewhere
        }
    }

    /** The framework intercepts the product of a factory by the annotations of the factory method and of the class. */
    private static void checkProduct(MethodElement factory, VisitorContext context) {
        ClassElement product = factory.getReturnType();
        if (product.hasStereotype(AnnotationUtil.SCOPE)
                || product.hasStereotype(Bean.class)
                || product.isInterface()
                || product.isPrimitive()) {
            return;
        }
        product
                .getEnclosedElements(ElementQuery.ALL_METHODS.annotated(
                        annotations -> annotations.hasDeclaredStereotype(RateLimited.class)))
                .stream()
                .findFirst()
                .ifPresent(method -> context.fail(
                        "@RateLimit on " + method.getDeclaringType().getName() + "." + method.getName()
                                + "() has no effect on the bean of " + nameOf(factory)
                                + ", because Micronaut does not intercept the methods of an object that a factory"
                                + " creates; write @RateLimit on the factory method to limit the whole bean.",
                        factory));
    }
}
