package io.github.micronautratelimit.processor;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.core.annotation.AnnotationValue;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.HttpMethodMapping;
import io.micronaut.inject.ast.MethodElement;
import io.micronaut.inject.visitor.TypeElementVisitor;
import io.micronaut.inject.visitor.VisitorContext;
import java.util.List;
import java.util.stream.Stream;

/**
 * Describes the limits of routes in OpenAPI. Active if micronaut-openapi is on the annotation processor path too. It
 * adds the annotations that micronaut-openapi reads, so this library does not depend on it.
 */
@Internal
public final class OpenApiVisitor implements TypeElementVisitor<Controller, HttpMethodMapping> {

    private static final String READER = "io.micronaut.openapi.visitor.OpenApiControllerVisitor";

    /** Greater than the order of each visitor of micronaut-openapi; the greatest comes first. */
    private static final int ORDER = 1000;

    /** Called by the annotation processor. */
    public OpenApiVisitor() {}

    /** Returns the kind of the visitors of micronaut-openapi, because the order is among visitors of one kind. */
    @Override
    public VisitorKind getVisitorKind() {
        return VisitorKind.AGGREGATING;
    }

    @Override
    public int getOrder() {
        return ORDER;
    }

    @Override
    public boolean isEnabled() {
        return OpenApiVisitor.class.getClassLoader().getResource(READER.replace('.', '/') + ".class") != null;
    }

    @Override
    public void visitMethod(MethodElement route, VisitorContext context) {
        List<AnnotationValue<RateLimit>> limits = limits(route);
        if (!limits.isEmpty()) {
            OpenApiAnnotations.addLimits(route, limits);
            if (!OpenApiAnnotations.hasDenial(route)) {
                context.getClassElement(RateLimitProblem.class)
                        .ifPresent(problem -> OpenApiAnnotations.addDenial(route, problem));
            }
        }
    }

    /** Returns the limits that can deny a request, of the route first; a limit in shadow mode cannot. */
    private static List<AnnotationValue<RateLimit>> limits(MethodElement route) {
        if (route.hasAnnotation(NoRateLimit.class)) {
            return List.of();
        }
        return Stream.of(route.getMethodAnnotationMetadata(), route.getOwningType())
                .flatMap(written -> written.getAnnotationValuesByType(RateLimit.class).stream())
                .filter(limit -> !limit.isTrue("shadow"))
                .toList();
    }
}
