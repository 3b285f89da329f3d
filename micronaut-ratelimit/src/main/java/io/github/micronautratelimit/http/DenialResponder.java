package io.github.micronautratelimit.http;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.core.util.SupplierUtil;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import io.micronaut.inject.qualifiers.Qualifiers;
import io.micronaut.web.router.ErrorRouteInfo;
import io.micronaut.web.router.RouteAttributes;
import io.micronaut.web.router.RouteBuilder;
import io.micronaut.web.router.RouteInfo;
import io.micronaut.web.router.RouteMatch;
import io.micronaut.web.router.Router;
import jakarta.inject.Singleton;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Creates the responses to denied requests. Calls our exception handler directly, unless the application handles the
 * exception: for an exception, the framework searches all beans for a handler, which costs several times as much as the
 * response that the denial saves.
 */
@Singleton
@RequiresRateLimit
final class DenialResponder {

    private final Router router;
    private final Supplier<Optional<RateLimitExceededHandler>> ownHandler;
    private final Supplier<Boolean> errorRoutes;

    DenialResponder(Router router, BeanContext beans) {
        this.router = router;
        this.ownHandler = SupplierUtil.memoized(() -> ownHandler(beans));
        this.errorRoutes = SupplierUtil.memoized(() -> errorRoutes(beans));
    }

    /** Most applications have no {@code @Error} method, global or of a controller, that accepts our exception. */
    private static boolean errorRoutes(BeanContext beans) {
        return beans.getBeansOfType(RouteBuilder.class).stream()
                .flatMap(routes -> routes.getErrorRoutes().stream())
                .anyMatch(route -> route.exceptionType().isAssignableFrom(RateLimitExceededException.class));
    }

    /** Returns our handler if the framework would select it. */
    private static Optional<RateLimitExceededHandler> ownHandler(BeanContext beans) {
        return beans.findBeanDefinition(
                        ExceptionHandler.class,
                        Qualifiers.byTypeArgumentsClosest(RateLimitExceededException.class, Object.class))
                .map(beans::getBean)
                .filter(RateLimitExceededHandler.class::isInstance)
                .map(RateLimitExceededHandler.class::cast);
    }

    /**
     * Returns the response to a denied request.
     *
     * @throws RateLimitExceededException if an {@code @Error} method or another handler creates the response
     */
    HttpResponse<?> respond(HttpRequest<?> request, RateLimitExceededException denial) {
        RateLimitExceededHandler handler = ownHandler.get().orElse(null);
        if (handler == null || errorRoutes.get() && hasErrorRoute(request, denial)) {
            throw denial;
        }
        HttpResponse<?> response = handler.handle(request, denial);
        RouteAttributes.setException(response, denial);
        return response;
    }

    /**
     * Replaces the response that a handler for all exceptions gave to a denial: it says that the server failed, or that
     * the request was wrong. A handler for our exception may respond as it likes, and a handler for all may pass on 429
     * or 503.
     *
     * @param request  the request
     * @param response its response so far
     * @return the response itself, unless it has another status and comes from an {@code @Error} method for a supertype
     *         of our exception
     */
    MutableHttpResponse<?> corrected(HttpRequest<?> request, MutableHttpResponse<?> response) {
        if (!errorRoutes.get()
                || response.code() == HttpStatus.TOO_MANY_REQUESTS.getCode()
                || response.code() == HttpStatus.SERVICE_UNAVAILABLE.getCode()
                || !(RouteAttributes.getException(response).orElse(null) instanceof RateLimitExceededException denial)
                || !isOfCatchAll(request, denial)) {
            return response;
        }
        RateLimitExceededHandler handler = ownHandler.get().orElse(null);
        if (handler == null || !(handler.handle(request, denial) instanceof MutableHttpResponse<?> corrected)) {
            return response;
        }
        RouteAttributes.setException(corrected, denial);
        return corrected;
    }

    private boolean isOfCatchAll(HttpRequest<?> request, RateLimitExceededException denial) {
        Class<?> controller = controller(request);
        RouteMatch<?> route = controller == null
                ? null
                : router.findErrorRoute(controller, denial, request).orElse(null);
        if (route == null) {
            route = router.findErrorRoute(denial, request).orElse(null);
        }
        return route != null
                && route.getRouteInfo() instanceof ErrorRouteInfo<?, ?> error
                && error.exceptionType() != RateLimitExceededException.class;
    }

    private static @Nullable Class<?> controller(HttpRequest<?> request) {
        return RouteAttributes.getRouteInfo(request)
                .<Class<?>>map(RouteInfo::getDeclaringType)
                .orElse(null);
    }

    private boolean hasErrorRoute(HttpRequest<?> request, RateLimitExceededException denial) {
        Class<?> controller = controller(request);
        return controller != null
                        && router.findErrorRoute(controller, denial, request).isPresent()
                || router.findErrorRoute(denial, request).isPresent();
    }
}
