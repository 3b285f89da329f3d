package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.management.endpoint.EndpointSensitivityProcessor;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import io.micronaut.security.rules.SecurityRuleResult;
import io.micronaut.security.rules.SensitiveEndpointRule;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Access to the endpoint and the page is denied by default, as to Micronaut's own sensitive endpoints. */
class EndpointSecurityTest {

    private static final Map<String, Object> PEEK = Map.of("policy", "orders");

    @Test
    void withoutSecurityAllAccessIsDenied() {
        with(Map.of(), client -> expect(client, "", 401, 401, 401));
    }

    @Test
    void readAccessDoesNotIncludeWriteAccess() {
        with(Map.of("endpoints.ratelimits.sensitive", "false"), client -> expect(client, "", 200, 401, 401));
    }

    @Test
    void theRuleOfTheApplicationAdmitsAuthenticatedUsers() {
        with(Map.of("micronaut.security.enabled", "true", "spec", "EndpointSecurityTest"), client -> {
            expect(client, "", 401, 401, 401);
            expect(client, "visitor", 403, 403, 403);
            expect(client, "admin", 200, 200, 200);
        });
    }

    @Test
    void aDisabledPageIsNotFound() {
        with(Map.of("ratelimit.dashboard.enabled", "false"), client -> {
            assertEquals(404, status(client, HttpRequest.GET("/ratelimit-dashboard"), ""));
            assertEquals(404, status(client, HttpRequest.GET("/ratelimit-dashboard/events"), ""));
        });
    }

    private static void with(Map<String, Object> overrides, Consumer<HttpClient> test) {
        Map<String, Object> properties = new HashMap<>(Map.of(
                "ratelimit.policies.orders.limits",
                "3/min",
                "ratelimit.policies.orders.key",
                "{global}",
                "ratelimit.rules[0].path",
                "/orders",
                "ratelimit.rules[0].policy",
                "orders",
                "ratelimit.dashboard.enabled",
                "true",
                "micronaut.server.port",
                "-1"));
        properties.putAll(overrides);
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, properties, "test");
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            test.accept(client);
        }
    }

    private static void expect(HttpClient client, String user, int report, int action, int page) {
        assertEquals(report, status(client, HttpRequest.GET("/ratelimits"), user));
        assertEquals(action, status(client, HttpRequest.POST("/ratelimits/peek", PEEK), user));
        assertEquals(action, status(client, HttpRequest.POST("/ratelimits/reset", PEEK), user));
        assertEquals(page, status(client, HttpRequest.GET("/ratelimit-dashboard"), user));
        assertEquals(page, status(client, HttpRequest.GET("/ratelimit-dashboard/page.js"), user));
        if (page != 200) {
            assertEquals(page, status(client, HttpRequest.GET("/ratelimit-dashboard/events"), user));
        }
    }

    private static int status(HttpClient client, MutableHttpRequest<?> request, String user) {
        if (!user.isEmpty()) {
            request.header("X-User", user);
        }
        try {
            return client.toBlocking().exchange(request).code();
        } catch (HttpClientResponseException e) {
            return e.code();
        }
    }

    @Singleton
    @Requires(property = "spec", value = "EndpointSecurityTest")
    static class UserHeader implements AuthenticationFetcher<HttpRequest<?>> {

        @Override
        public Publisher<Authentication> fetchAuthentication(HttpRequest<?> request) {
            String user = request.getHeaders().get("X-User");
            return user == null ? Mono.empty() : Mono.just(Authentication.build(user));
        }
    }

    @Singleton
    @Replaces(SensitiveEndpointRule.class)
    @Requires(property = "spec", value = "EndpointSecurityTest")
    static class AdminsOnly extends SensitiveEndpointRule {

        AdminsOnly(EndpointSensitivityProcessor sensitivity) {
            super(sensitivity);
        }

        @Override
        protected Publisher<SecurityRuleResult> checkSensitiveAuthenticated(
                HttpRequest<?> request, Authentication authentication, ExecutableMethod<?, ?> method) {
            return Mono.just(
                    authentication.getName().equals("admin")
                            ? SecurityRuleResult.ALLOWED
                            : SecurityRuleResult.REJECTED);
        }
    }
}
