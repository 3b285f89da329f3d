package io.github.micronautratelimit.processor;

import java.util.List;
import java.util.Set;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.annotation.RateLimits;
import io.github.micronautratelimit.intercept.WrittenLimit;
import io.micronaut.core.annotation.AnnotationValue;
import io.micronaut.core.expressions.EvaluatedExpressionReference;
import io.micronaut.inject.ast.ClassElement;
import io.micronaut.inject.ast.Element;
import io.micronaut.inject.ast.MethodElement;
import io.micronaut.inject.visitor.TypeElementVisitor;
import io.micronaut.inject.visitor.VisitorContext;

/**
 * Fails the compilation of a wrong {@link RateLimit}. At work where this library is on the annotation processor path
 * beside micronaut-inject-java.
 */
public final class RateLimitVisitor implements TypeElementVisitor<Object, Object> {

    private static final String SERVER = "io.micronaut.websocket.annotation.ServerWebSocket";
    private static final List<String> HANDLERS = List.of("io.micronaut.websocket.annotation.OnMessage",
            "io.micronaut.websocket.annotation.OnOpen");

    /** Made by the annotation processor. */
    public RateLimitVisitor() {
    }

    @Override
    public VisitorKind getVisitorKind() {
        return VisitorKind.ISOLATING;
    }

    @Override
    public Set<String> getSupportedAnnotationNames() {
        return Set.of(RateLimit.class.getName(), RateLimits.class.getName());
    }

    @Override
    public void visitClass(ClassElement type, VisitorContext context) {
        check(type, type.getName(), WrittenLimit.isSecured(type), type.hasStereotype(SERVER), context);
    }

    @Override
    public void visitMethod(MethodElement method, VisitorContext context) {
        boolean secured = WrittenLimit.isSecured(method) || WrittenLimit.isSecured(method.getOwningType());
        boolean socket = method.getOwningType().hasStereotype(SERVER) && HANDLERS.stream().anyMatch(method::hasAnnotation);
        String name = method.getOwningType().getName() + "." + method.getName() + "()";
        check(method, name, secured, socket, context);
        if (method.isStatic() && !method.getDeclaredAnnotationValuesByType(RateLimit.class).isEmpty()) {
            context.fail("@RateLimit on " + name + " limits nothing, for the method is static; write it on a method of a bean.",
                    method);
        }
    }

    private static void check(Element element, String name, boolean secured, boolean socket, VisitorContext context) {
        List<AnnotationValue<RateLimit>> limits = element.getDeclaredAnnotationValuesByType(RateLimit.class);
        if (!limits.isEmpty() && element.hasDeclaredAnnotation(NoRateLimit.class)) {
            context.fail("@RateLimit and @NoRateLimit on " + name + " contradict each other; keep one.", element);
        }
        for (AnnotationValue<RateLimit> limit : limits) {
            try {
                new WrittenLimit("@RateLimit on " + name, text(limit, "value", ""), text(limit, "policy", ""),
                        text(limit, "key", ""), text(limit, "permits", "1"), secured, socket).check();
            } catch (IllegalArgumentException e) {
                context.fail(e.getMessage(), element);
            }
        }
    }

    private static String text(AnnotationValue<RateLimit> limit, String member, String otherwise) {
        Object written = limit.getValues().get(member);
        if (written instanceof EvaluatedExpressionReference expression) {
            return String.valueOf(expression.annotationValue());
        }
        return written == null ? otherwise : written.toString();
    }
}
