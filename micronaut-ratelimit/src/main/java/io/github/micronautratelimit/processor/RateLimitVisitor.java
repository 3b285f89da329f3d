package io.github.micronautratelimit.processor;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.annotation.RateLimits;
import io.github.micronautratelimit.messaging.MessageListeners;
import io.github.micronautratelimit.policy.RateLimitDeclaration;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.context.annotation.Factory;
import io.micronaut.core.annotation.AnnotationValue;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.expressions.EvaluatedExpressionReference;
import io.micronaut.inject.ast.ClassElement;
import io.micronaut.inject.ast.Element;
import io.micronaut.inject.ast.MethodElement;
import io.micronaut.inject.visitor.TypeElementVisitor;
import io.micronaut.inject.visitor.VisitorContext;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Fails the compilation of an invalid {@link RateLimit}. Active if this library is on the annotation processor path,
 * together with micronaut-inject-java.
 */
@Internal
public final class RateLimitVisitor implements TypeElementVisitor<Object, Object> {

    private static final String SERVER_WEB_SOCKET = "io.micronaut.websocket.annotation.ServerWebSocket";
    private static final String ON_MESSAGE = "io.micronaut.websocket.annotation.OnMessage";
    private static final List<String> WEB_SOCKET_METHODS =
            List.of(ON_MESSAGE, "io.micronaut.websocket.annotation.OnOpen");

    /** Called by the annotation processor. */
    public RateLimitVisitor() {}

    @Override
    public VisitorKind getVisitorKind() {
        return VisitorKind.ISOLATING;
    }

    @Override
    public Set<String> getSupportedAnnotationNames() {
        return Set.of(RateLimit.class.getName(), RateLimits.class.getName(), Factory.class.getName());
    }

    @Override
    public void visitClass(ClassElement type, VisitorContext context) {
        if (type.hasDeclaredAnnotation(RateLimit.class) || type.hasDeclaredAnnotation(RateLimits.class)) {
            Placement.check(type, context);
        }
        check(
                type,
                type.getName(),
                RateLimitDeclaration.isSecured(type),
                type.hasStereotype(SERVER_WEB_SOCKET),
                context);
    }

    @Override
    public void visitMethod(MethodElement method, VisitorContext context) {
        boolean secured =
                RateLimitDeclaration.isSecured(method) || RateLimitDeclaration.isSecured(method.getOwningType());
        boolean webSocket = method.getOwningType().hasStereotype(SERVER_WEB_SOCKET)
                && WEB_SOCKET_METHODS.stream().anyMatch(method::hasAnnotation);
        String name = Placement.nameOf(method);
        check(method, name, secured, webSocket, context);
        if (webSocket && method.hasAnnotation(ON_MESSAGE)) {
            for (AnnotationValue<RateLimit> limit : method.getDeclaredAnnotationValuesByType(RateLimit.class)) {
                if (!text(limit, "maxWait", "").isEmpty()) {
                    context.fail(
                            "@RateLimit on " + name
                                    + " has a maxWait, but messages of a WebSocket do not wait; remove it.",
                            method);
                }
            }
        }
        Placement.check(method, context);
        if (MessageListeners.isListener(method)) {
            checkMessages(method, name, context);
        }
        if (method.isStatic()
                && !method.getDeclaredAnnotationValuesByType(RateLimit.class).isEmpty()) {
            context.fail(
                    "@RateLimit on " + name
                            + " has no effect, because the method is static; move it to an instance method of a bean.",
                    method);
        }
    }

    private static void checkMessages(MethodElement method, String name, VisitorContext context) {
        for (AnnotationValue<RateLimit> limit : method.getDeclaredAnnotationValuesByType(RateLimit.class)) {
            String refusal = refusalOfMessages("@RateLimit on " + name, limit);
            if (refusal != null) {
                context.fail(refusal, method);
            }
        }
    }

    /** Values with a property are checked at the start, and invalid ones were rejected before. */
    private static @Nullable String refusalOfMessages(String location, AnnotationValue<RateLimit> limit) {
        String key = text(limit, "key", "");
        String permits = text(limit, "permits", "1");
        try {
            return MessageListeners.refusal(
                    location,
                    key.isEmpty() || isComputed(key) ? null : KeyTemplate.parse(key),
                    Cost.parse(isComputed(permits) ? "1" : permits));
        } catch (IllegalArgumentException rejectedBefore) {
            return null;
        }
    }

    private static boolean isComputed(String text) {
        return text.contains("#{") || text.contains("${");
    }

    private static void check(
            Element element, String name, boolean secured, boolean webSocket, VisitorContext context) {
        List<AnnotationValue<RateLimit>> limits = element.getDeclaredAnnotationValuesByType(RateLimit.class);
        if (!limits.isEmpty() && element.hasDeclaredAnnotation(NoRateLimit.class)) {
            context.fail("@RateLimit and @NoRateLimit on " + name + " contradict each other; keep one.", element);
        }
        for (AnnotationValue<RateLimit> limit : limits) {
            try {
                new RateLimitDeclaration(
                                "@RateLimit on " + name,
                                text(limit, "value", ""),
                                text(limit, "policy", ""),
                                text(limit, "key", ""),
                                text(limit, "permits", "1"),
                                List.of(limit.stringValues("chargeOn")),
                                List.of(limit.stringValues("refundOn")),
                                secured,
                                webSocket)
                        .check();
            } catch (IllegalArgumentException e) {
                context.fail(e.getMessage(), element);
            }
        }
    }

    /** Returns a member as it is written, also if it is an expression. */
    static String text(AnnotationValue<RateLimit> limit, String member, String defaultValue) {
        Object written = limit.getValues().get(member);
        if (written instanceof EvaluatedExpressionReference expression) {
            return String.valueOf(expression.annotationValue());
        }
        return written == null ? defaultValue : written.toString();
    }
}
