package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.messaging.MessageListeners;
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
            checkEnd(limit, method);
            checkOutcomes(limit, method);
            checkMessages(limit, method);
        }
        if (method.isCountedByClass() && !method.isExempt()) {
            for (LimitBinding limit : ofClass) {
                checkEnd(limit, method);
                checkOutcomes(limit, method);
                checkMessages(limit, method);
                if (own.isEmpty() && isProtected(method)) {
                    throw new ConfigurationException(limit.location() + " cannot limit the protected method "
                            + method.method().getMethodName()
                            + "(), because Micronaut does not intercept it; make the method package-private or public, "
                            + "or write @RateLimit or @NoRateLimit on it.");
                }
            }
        }
    }

    private static void checkEnd(LimitBinding limit, AnnotatedMethod method) {
        Class<?> type = method.method().getReturnType().getType();
        boolean async = type == void.class && method.method().hasStereotype(ASYNC);
        boolean future = Future.class.isAssignableFrom(type) && !CompletionStage.class.isAssignableFrom(type);
        ConcurrencyLimit slots = limit.policy().concurrency();
        String needsEnd = slots == null ? limit.policy().outcomes() : "the limit \"" + slots + "\"";
        if (needsEnd != null && (async || future)) {
            throw new ConfigurationException(
                    limit.location() + " has " + needsEnd + ", but "
                            + method.method().getMethodName() + "() "
                            + (async ? "is @Async and returns void" : "returns a " + type.getSimpleName())
                            + ", so the end of its work is unknown; return a CompletionStage, such as CompletableFuture<Void>.");
        }
    }

    private static void checkOutcomes(LimitBinding limit, AnnotatedMethod method) {
        if (limit.policy().outcomes() != null && !limit.policy().hasExceptionOutcomes() && !method.isMappedRoute()) {
            throw new ConfigurationException(
                    limit.location() + " has \"" + limit.policy().outcomes() + "\", but "
                            + method.method().getMethodName()
                            + "() is not a route and has no status; write the name of an exception"
                            + " class.");
        }
    }

    private static void checkMessages(LimitBinding limit, AnnotatedMethod method) {
        if (MessageListeners.isListener(method.method())) {
            String refusal = MessageListeners.refusal(limit.location(), limit.key(), limit.cost());
            if (refusal != null) {
                throw new ConfigurationException(refusal);
            }
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
