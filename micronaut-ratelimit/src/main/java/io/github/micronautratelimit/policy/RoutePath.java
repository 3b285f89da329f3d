package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.web.PathRule;
import io.micronaut.core.annotation.Internal;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.web.router.RouteInfo;
import io.micronaut.web.router.UriRouteInfo;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The path of a route, whatever the values of its variables.
 *
 * @param template the path with the context path and with variables in braces
 * @param endpoint all paths of the endpoint, wherever it is, if the default exclusions name it; otherwise {@code null}
 */
@Internal
public record RoutePath(String template, @Nullable PathRule endpoint) {

    private static final String ENDPOINT = "io.micronaut.management.endpoint.annotation.Endpoint";
    private static final Set<String> EXCLUDED_ENDPOINTS = Set.of("health", "metrics", "prometheus");

    /** Reads the path of a route; returns {@code null} if the route has none, such as that of an error. */
    static @Nullable RoutePath of(RouteInfo<?> route, ExecutableMethod<?, ?> method, String contextPath) {
        if (!(route instanceof UriRouteInfo<?, ?> uri)) {
            return null;
        }
        String template = uri.getUriMatchTemplate().toPathString();
        boolean excluded = method.stringValue(ENDPOINT, "id").or(() -> method.stringValue(ENDPOINT)).stream()
                .anyMatch(EXCLUDED_ENDPOINTS::contains);
        return new RoutePath(template, excluded ? new PathRule(pattern(template, contextPath), List.of()) : null);
    }

    /** Returns the pattern, within the application, of the paths that begin like a template. */
    private static String pattern(String template, String contextPath) {
        String within = template.startsWith(contextPath) ? template.substring(contextPath.length()) : template;
        int variable = within.indexOf('{');
        String literal = variable < 0 ? within : within.substring(0, variable);
        return literal + (literal.endsWith("/") ? "**" : "/**");
    }
}
