package io.github.micronautratelimit.http;

import java.util.Optional;
import java.util.function.Supplier;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.core.util.SupplierUtil;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import io.micronaut.inject.qualifiers.Qualifiers;
import io.micronaut.web.router.RouteAttributes;
import io.micronaut.web.router.RouteBuilder;
import io.micronaut.web.router.RouteInfo;
import io.micronaut.web.router.Router;
import jakarta.inject.Singleton;

/**
 * Answers denied requests. An exception would do, but for every exception the framework searches all beans for its
 * handler, which makes a denial several times as dear as the answer it spares. So our own handler is called directly,
 * unless somebody else handles the exception.
 */
@Singleton
@RequiresRateLimit
final class Denials {

    private final Router router;
    private final Supplier<Optional<RateLimitExceededHandler>> ownHandler;
    private final Supplier<Boolean> errorRoutes;

    Denials(Router router, BeanContext beans) {
        this.router = router;
        this.ownHandler = SupplierUtil.memoized(() -> ownHandler(beans));
        this.errorRoutes = SupplierUtil.memoized(() -> errorRoutes(beans));
    }

    /** Whether any {@code @Error} method, of a controller or global, takes our exception: in most applications none. */
    private static boolean errorRoutes(BeanContext beans) {
        return beans.getBeansOfType(RouteBuilder.class).stream()
                .flatMap(routes -> routes.getErrorRoutes().stream())
                .anyMatch(route -> route.exceptionType().isAssignableFrom(RateLimitExceededException.class));
    }

    /** Our handler, if the framework would choose it. */
    private static Optional<RateLimitExceededHandler> ownHandler(BeanContext beans) {
        return beans.findBeanDefinition(ExceptionHandler.class,
                        Qualifiers.byTypeArgumentsClosest(RateLimitExceededException.class, Object.class))
                .map(beans::getBean)
                .filter(RateLimitExceededHandler.class::isInstance)
                .map(RateLimitExceededHandler.class::cast);
    }

    /**
     * The answer to a denied request.
     *
     * @throws RateLimitExceededException if an {@code @Error} method or another handler answers
     */
    HttpResponse<?> answer(HttpRequest<?> request, RateLimitExceededException denial) {
        RateLimitExceededHandler handler = ownHandler.get().orElse(null);
        if (handler == null || errorRoutes.get() && hasErrorRoute(request, denial)) {
            throw denial;
        }
        HttpResponse<?> response = handler.handle(request, denial);
        RouteAttributes.setException(response, denial);
        return response;
    }

    private boolean hasErrorRoute(HttpRequest<?> request, RateLimitExceededException denial) {
        Class<?> controller = RouteAttributes.getRouteInfo(request).<Class<?>>map(RouteInfo::getDeclaringType).orElse(null);
        return controller != null && router.findErrorRoute(controller, denial, request).isPresent()
                || router.findErrorRoute(denial, request).isPresent();
    }
}
