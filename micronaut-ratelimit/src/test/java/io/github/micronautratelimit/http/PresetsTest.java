package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.key.RateLimitKeyResolver;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import io.micronaut.security.rules.SecurityRule;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** The configurations of docs/presets.adoc. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "PresetsTest")
@Property(name = "micronaut.security.enabled", value = "true")
@Property(name = "micronaut.security.reject-not-found", value = "false")
@Property(name = "ratelimit.secret", value = "a secret of some length")
@Property(name = "ratelimit.policies.authentication.limits", value = "60/min")
@Property(name = "ratelimit.policies.authentication.key", value = "{bearer-token}")
@Property(name = "ratelimit.policies.guessing.limits", value = "600/min")
@Property(name = "ratelimit.policies.guessing.key", value = "{ip}")
@Property(name = "ratelimit.policies.user.limits", value = "1000/h")
@Property(name = "ratelimit.policies.user.key", value = "{principal}")
@Property(name = "ratelimit.policies.address.limits", value = "100/min")
@Property(name = "ratelimit.policies.address.key", value = "{ip}")
@Property(name = "ratelimit.policies.api-key.limits", value = "10000/day fixed")
@Property(name = "ratelimit.policies.api-key.key", value = "{api-key}")
@Property(name = "ratelimit.rules[0].path", value = "/auth/**")
@Property(name = "ratelimit.rules[0].policy", value = "authentication")
@Property(name = "ratelimit.rules[1].path", value = "/auth/**")
@Property(name = "ratelimit.rules[1].policy", value = "guessing")
@Property(name = "ratelimit.rules[2].path", value = "/api/**")
@Property(name = "ratelimit.rules[2].policy", value = "address")
@Property(name = "ratelimit.rules[3].path", value = "/api/**")
@Property(name = "ratelimit.rules[3].policy", value = "api-key")
@Property(name = "ratelimit.rules[4].path", value = "/api/**")
@Property(name = "ratelimit.rules[4].policy", value = "user")
class PresetsTest {

    @Inject
    @Client("/")
    HttpClient client;

    Calls calls;

    @BeforeEach
    void calls() {
        calls = new Calls(client);
    }

    @Test
    void authenticationIsLimitedByTokenAndGuessingByAddress() {
        assertEquals(Collections.nCopies(60, 401), calls.get("/auth/me", 60, "Authorization", "Bearer a"));
        assertEquals(429, calls.get("/auth/me", "Authorization", "bearer a").code());
        assertEquals(401, calls.get("/auth/me", "Authorization", "Bearer b").code());
        for (int i = 0; i < 539; i++) {
            assertEquals(
                    401, calls.get("/auth/me", "Authorization", "Bearer " + i).code());
        }
        HttpResponse<?> denied = calls.get("/auth/me", "Authorization", "Bearer fresh");
        assertEquals("\"guessing\";r=0;t=1", denied.header("RateLimit"));
    }

    @Test
    void roleRequestsAreLimitedByAgent() {
        for (int i = 0; i < 10; i++) {
            assertEquals(200, calls.post("/roles/admin/requests", "X-User", "agent-7"));
        }
        assertEquals(429, calls.post("/roles/owner/requests", "X-User", "agent-7"));
        assertEquals(200, calls.post("/roles/admin/requests", "X-User", "agent-8"));
    }

    @Test
    void userAddressAndApiKeyAreDecidedTogether() {
        HttpResponse<?> first = calls.get("/api/orders", "X-User", "alice", "X-API-Key", "k");
        assertEquals(
                "\"address\";q=100;w=60, \"api-key\";q=10000;w=86400, \"user\";q=1000;w=3600",
                first.header("RateLimit-Policy"));
        assertEquals(
                "\"address\";r=99;t=1, \"api-key\";r=9999;t=86400, \"user\";r=999;t=4",
                first.header("RateLimit"),
                "it is midnight");
        assertEquals(Collections.nCopies(99, 200), calls.get("/api/orders", 99, "X-User", "alice", "X-API-Key", "k"));
        HttpResponse<?> denied = calls.get("/api/orders", "X-User", "alice", "X-API-Key", "k");
        assertEquals(429, denied.code());
        assertEquals("\"address\";r=0;t=1", denied.header("RateLimit"));
        assertEquals(List.of(429, 429), calls.get("/api/orders", 2, "X-User", "bob", "X-API-Key", "l"), "same address");
    }

    @Controller
    @Requires(property = "spec", value = "PresetsTest")
    static class Routes {

        @Get("/auth/me")
        @Secured(SecurityRule.IS_AUTHENTICATED)
        String me() {
            return "ok";
        }

        @Get("/api/orders")
        @Secured(SecurityRule.IS_AUTHENTICATED)
        String orders() {
            return "ok";
        }

        @Post("/roles/{role}/requests")
        @Secured(SecurityRule.IS_AUTHENTICATED)
        @RateLimit(value = "10/min", policy = "role-requests", key = "{bean:agent}")
        String request(String role) {
            return role;
        }
    }

    @Singleton
    @Requires(property = "spec", value = "PresetsTest")
    static class UserHeader implements AuthenticationFetcher<HttpRequest<?>> {

        @Override
        public Publisher<Authentication> fetchAuthentication(HttpRequest<?> request) {
            String user = request.getHeaders().get("X-User");
            return user == null
                    ? Mono.empty()
                    : Mono.just(Authentication.build(user, List.of(), Map.of("agent_id", user)));
        }
    }

    @Singleton
    @Named("agent")
    @Requires(property = "spec", value = "PresetsTest")
    static class AgentKey implements RateLimitKeyResolver {

        @Override
        public Optional<String> resolve(HttpRequest<?> request) {
            return request.getUserPrincipal(Authentication.class)
                    .map(user -> (String) user.getAttributes().get("agent_id"));
        }
    }
}
