package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;

import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.management.endpoint.EndpointSensitivityProcessor;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import io.micronaut.security.rules.SecurityRuleResult;
import io.micronaut.security.rules.SensitiveEndpointRule;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import reactor.core.publisher.Mono;

/** Who may use the endpoint and the page: as with Micronaut's own sensitive endpoints, nobody unless he is let. */
class EndpointSecurityTest {

    private static final Map<String, Object> PEEK = Map.of("policy", "orders");

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

    private static void expect(HttpClient client, String user, int overview, int action, int page) {
        assertEquals(overview, status(client, HttpRequest.GET("/ratelimits"), user));
        assertEquals(action, status(client, HttpRequest.POST("/ratelimits/peek", PEEK), user));
        assertEquals(action, status(client, HttpRequest.POST("/ratelimits/reset", PEEK), user));
        assertEquals(page, status(client, HttpRequest.GET("/ratelimit-dashboard"), user));
        assertEquals(page, status(client, HttpRequest.GET("/ratelimit-dashboard/page.js"), user));
        if (page != 200) {
            assertEquals(page, status(client, HttpRequest.GET("/ratelimit-dashboard/events"), user));
        }
    }

    @Nested
    @MicronautTest
    @Property(name = "ratelimit.policies.orders.limits", value = "3/min")
    @Property(name = "ratelimit.policies.orders.key", value = "{global}")
    @Property(name = "ratelimit.rules[0].path", value = "/orders")
    @Property(name = "ratelimit.rules[0].policy", value = "orders")
    @Property(name = "ratelimit.dashboard.enabled", value = "true")
    class WithoutSecurity {

        @Inject
        @Client("/")
        HttpClient client;

        @Test
        void nobodyMay() {
            expect(client, "", 401, 401, 401);
        }
    }

    @Nested
    @MicronautTest
    @Property(name = "ratelimit.policies.orders.limits", value = "3/min")
    @Property(name = "ratelimit.policies.orders.key", value = "{global}")
    @Property(name = "ratelimit.rules[0].path", value = "/orders")
    @Property(name = "ratelimit.rules[0].policy", value = "orders")
    @Property(name = "ratelimit.dashboard.enabled", value = "true")
    @Property(name = "endpoints.ratelimits.sensitive", value = "false")
    class OpenToReaders {

        @Inject
        @Client("/")
        HttpClient client;

        @Test
        void whoMayReadMayNotYetWrite() {
            expect(client, "", 200, 401, 401);
        }
    }

    @Nested
    @MicronautTest
    @Property(name = "spec", value = "EndpointSecurityTest")
    @Property(name = "micronaut.security.enabled", value = "true")
    @Property(name = "ratelimit.policies.orders.limits", value = "3/min")
    @Property(name = "ratelimit.policies.orders.key", value = "{global}")
    @Property(name = "ratelimit.rules[0].path", value = "/orders")
    @Property(name = "ratelimit.rules[0].policy", value = "orders")
    @Property(name = "ratelimit.dashboard.enabled", value = "true")
    class WithSecurity {

        @Inject
        @Client("/")
        HttpClient client;

        @Test
        void onlyWhoIsAuthenticatedAndLetByTheApplicationsRuleMay() {
            expect(client, "", 401, 401, 401);
            expect(client, "visitor", 403, 403, 403);
            expect(client, "admin", 200, 200, 200);
        }
    }

    @Nested
    @MicronautTest
    class ByDefault {

        @Inject
        @Client("/")
        HttpClient client;

        @Test
        void thereIsNoPage() {
            assertEquals(404, status(client, HttpRequest.GET("/ratelimit-dashboard"), ""));
            assertEquals(404, status(client, HttpRequest.GET("/ratelimit-dashboard/events"), ""));
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
        protected Publisher<SecurityRuleResult> checkSensitiveAuthenticated(HttpRequest<?> request,
                                                                            Authentication authentication,
                                                                            ExecutableMethod<?, ?> method) {
            return Mono.just(authentication.getName().equals("admin")
                    ? SecurityRuleResult.ALLOWED : SecurityRuleResult.REJECTED);
        }
    }
}
