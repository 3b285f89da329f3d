package io.github.micronautratelimit.policy;

import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.inject.ExecutableMethod;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Future;

/** Rejects limits that could not be enforced as they are written. */
final class LimitPlacement {

    private static final String ASYNC = "io.micronaut.scheduling.annotation.Async";

    private static final String ERROR = "io.micronaut.http.annotation.Error";

    private LimitPlacement() {}

    /**
     * Rejects limits on calls of a method.
     *
     * @param method  the method
     * @param ofClass the limits of its class
     * @param own     the limits of the method itself
     * @throws ConfigurationException if a limit could not be enforced
     */
    static void check(AnnotatedMethod method, List<LimitBinding> ofClass, List<LimitBinding> own) {
        for (LimitBinding limit : own) {
            if (method.method().hasAnnotation(ERROR)) {
                throw new ConfigurationException(limit.location() + " is on an @Error method, whose request is already "
                        + "counted; write it on the routes or methods that are to be limited.");
            }
            checkSlots(limit, method);
        }
        if (method.isCountedByClass() && !method.isExempt()) {
            for (LimitBinding limit : ofClass) {
                checkSlots(limit, method);
                if (own.isEmpty() && isProtected(method)) {
                    throw new ConfigurationException(limit.location() + " cannot limit the protected method "
                            + method.method().getMethodName()
                            + "(), because Micronaut does not intercept it; make the method package-private or public, "
                            + "or write @RateLimit or @NoRateLimit on it.");
                }
            }
        }
    }

    private static void checkSlots(LimitBinding limit, AnnotatedMethod method) {
        Class<?> type = method.method().getReturnType().getType();
        boolean async = type == void.class && method.method().hasStereotype(ASYNC);
        boolean future = Future.class.isAssignableFrom(type) && !CompletionStage.class.isAssignableFrom(type);
        if (limit.policy().concurrency() != null && (async || future)) {
            throw new ConfigurationException(
                    limit.location() + " has the limit \"" + limit.policy().concurrency()
                            + "\", but " + method.method().getMethodName() + "() "
                            + (async ? "is @Async and returns void" : "returns a " + type.getSimpleName())
                            + ", so the end of its work is unknown; return a CompletionStage, such as CompletableFuture<Void>.");
        }
    }

    private static boolean isProtected(AnnotatedMethod method) {
        ExecutableMethod<?, ?> executable = method.method();
        try {
            return executable.getDeclaringType() == method.owner()
                    && Modifier.isProtected(executable.getTargetMethod().getModifiers());
        } catch (LinkageError | RuntimeException e) {
            return false; // a native image without reflection; the annotation processor checks it too
        }
    }
}
