package io.github.micronautratelimit.interceptor;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.aop.MethodInvocationContext;
import jakarta.inject.Singleton;
import java.lang.StackWalker.StackFrame;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Skips denied calls whose caller is the framework: those of event listeners, where an exception would also keep the
 * later listeners from the event, and those of scheduled methods, where each would be logged as an error. The first
 * skipped call of a method is logged. A caller in the application receives the exception.
 */
@Singleton
@RequiresRateLimit
final class SkippedCalls {

    private static final Logger LOG = LoggerFactory.getLogger(SkippedCalls.class);

    private static final String FRAMEWORK = "io.micronaut.";

    /** Call a scheduled method, an annotated listener, and a listener that is a class. */
    private static final List<String> CALLERS = List.of(
            "io.micronaut.scheduling.processor.ScheduledMethodProcessor",
            "io.micronaut.aop.chain.AdapterIntroduction",
            "io.micronaut.context.event.ApplicationEventPublisherFactory");

    /** Parts of the names of classes that the framework generates between the caller and the method. */
    private static final List<String> GENERATED = List.of("$Intercepted", "$Definition$Exec", "$Definition");

    /** Names of methods. Bounded by their number. */
    private final Set<String> logged = ConcurrentHashMap.newKeySet();

    SkippedCalls() {}

    /**
     * Returns whether a call is skipped, and logs the first of the method.
     *
     * @param call a call that was denied
     * @return {@code false} if its caller receives an exception
     */
    boolean isSkipped(MethodInvocationContext<?, ?> call) {
        Class<?> returned = call.getReturnType().getType();
        if (returned.isPrimitive() && returned != void.class) {
            return false; // there is no value to return
        }
        String type = call.getDeclaringType().getName();
        if (!StackWalker.getInstance().walk(stack -> isCalledByFramework(stack, type, call.getMethodName()))) {
            return false;
        }
        String method = type + "." + call.getMethodName();
        if (logged.add(method)) {
            LOG.info(
                    "Skipped a call of {}, because its rate limit is exceeded. Later calls that are skipped are not "
                            + "logged.",
                    method);
        }
        return true;
    }

    /** The call before that of the proxy decides: the caller may be called by the framework itself. */
    private static boolean isCalledByFramework(Stream<StackFrame> stack, String type, String method) {
        return stack.filter(frame -> !frame.getClassName().equals(type)
                        || !frame.getMethodName().equals(method)) // a bridge
                .map(StackFrame::getClassName)
                .filter(name -> !isBetween(name))
                .findFirst()
                .filter(name -> CALLERS.stream().anyMatch(name::startsWith))
                .isPresent();
    }

    private static boolean isBetween(String className) {
        return className.startsWith(SkippedCalls.class.getPackageName() + ".")
                || className.startsWith(FRAMEWORK) && CALLERS.stream().noneMatch(className::startsWith)
                || GENERATED.stream().anyMatch(className::contains);
    }
}
