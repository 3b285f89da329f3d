package io.github.micronautratelimit.simulator;

import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.filter.ServerFilterPhase;

/** Authenticates the user that the log contains. */
@ServerFilter(value = ServerFilter.MATCH_ALL_PATTERN, appendContextPath = false)
final class LoggedUserFilter implements Ordered {

    static final String USER = "X-Logged-User";

    @RequestFilter
    void authenticate(HttpRequest<?> request) {
        String user = request.getHeaders().get(USER);
        if (user != null) {
            request.setUserPrincipal(() -> user);
        }
    }

    @Override
    public int getOrder() {
        return ServerFilterPhase.SECURITY.order();
    }
}
