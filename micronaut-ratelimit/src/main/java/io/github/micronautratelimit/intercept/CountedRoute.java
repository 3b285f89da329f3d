package io.github.micronautratelimit.intercept;

import java.util.Arrays;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.micronaut.http.HttpRequest;
import io.micronaut.inject.ExecutableMethod;

/**
 * The mark on a request whose route the HTTP filter has counted: the advice on that route's method takes it and does not
 * count the call a second time. Further calls of the method, for example by itself, count.
 */
public final class CountedRoute {

    private static final String ATTRIBUTE = CountedRoute.class.getName();

    private CountedRoute() {
    }

    private record Mark(ExecutableMethod<?, ?> method, List<AppliedLimit> left) {
    }

    /**
     * Marks a request.
     *
     * @param request the request
     * @param method  the method of its route
     * @param left    the limits that are left to the advice
     */
    public static void mark(HttpRequest<?> request, ExecutableMethod<?, ?> method, List<AppliedLimit> left) {
        request.setAttribute(ATTRIBUTE, new Mark(method, left));
    }

    /** Takes the mark of a request, if it is for a method: the limits left to the advice, or {@code null}. */
    static @Nullable List<AppliedLimit> take(HttpRequest<?> request, ExecutableMethod<?, ?> method) {
        Object attribute = request.getAttributes().getValue(ATTRIBUTE);
        if (!(attribute instanceof Mark mark) || !isSame(mark.method, method)) {
            return null;
        }
        request.getAttributes().remove(ATTRIBUTE);
        return mark.left;
    }

    /** The route and the advice may know the same method by different objects. */
    private static boolean isSame(ExecutableMethod<?, ?> route, ExecutableMethod<?, ?> method) {
        return route == method || route.getDeclaringType() == method.getDeclaringType()
                && route.getMethodName().equals(method.getMethodName())
                && Arrays.equals(route.getArgumentTypes(), method.getArgumentTypes());
    }
}
