package io.github.micronautratelimit.intercept;

import java.util.Arrays;
import java.util.List;

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

    private record Mark(ExecutableMethod<?, ?> method, boolean exempt) {
    }

    /**
     * Marks a request as counted.
     *
     * @param request the request
     * @param method  the method of its route
     */
    public static void count(HttpRequest<?> request, ExecutableMethod<?, ?> method) {
        request.setAttribute(ATTRIBUTE, new Mark(method, false));
    }

    /**
     * Marks a request as one to which no limit applies.
     *
     * @param request the request
     * @param method  the method of its route
     */
    public static void exempt(HttpRequest<?> request, ExecutableMethod<?, ?> method) {
        request.setAttribute(ATTRIBUTE, new Mark(method, true));
    }

    /** Takes the mark of a request, if it is for a method, and says which limits are left to the advice. */
    static List<AppliedLimit> uncounted(HttpRequest<?> request, ExecutableMethod<?, ?> method,
                                        List<AppliedLimit> limits) {
        Mark mark = request.getAttribute(ATTRIBUTE, Mark.class).orElse(null);
        if (mark == null || !isSame(mark.method, method)) {
            return limits;
        }
        request.removeAttribute(ATTRIBUTE, Mark.class);
        return mark.exempt ? List.of() : limits.stream().filter(AppliedLimit::needsArguments).toList();
    }

    /** The route and the advice may know the same method by different objects. */
    private static boolean isSame(ExecutableMethod<?, ?> route, ExecutableMethod<?, ?> method) {
        return route == method || route.getDeclaringType() == method.getDeclaringType()
                && route.getMethodName().equals(method.getMethodName())
                && Arrays.equals(route.getArgumentTypes(), method.getArgumentTypes());
    }
}
