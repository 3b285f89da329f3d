package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import io.micronaut.security.rules.SecurityRule;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** The limit of routes without a limit, and requests that rules leave out. */
class DefaultLimitTest {

    private static TestServer start(Map<String, Object> properties) {
        Map<String, Object> all = new HashMap<>(properties);
        all.put("micronaut.security.enabled", "true");
        all.put("micronaut.security.reject-not-found", "false");
        return TestServer.start(DefaultLimitTest.class, all);
    }

    @Test
    void defaultAppliesToRoutesWithoutLimit() {
        try (TestServer server = start(Map.of(
                "ratelimit.default", "2/h",
                "ratelimit.policies.rule.limits", "4/h",
                "ratelimit.rules[0].path", "/ruled/**",
                "ratelimit.rules[0].policy", "rule"))) {
            Calls calls = server.calls();
            assertEquals("\"default\";q=2;w=3600", calls.get("/plain").header("RateLimit-Policy"));
            assertEquals(200, calls.get("/other").code());
            assertEquals(429, calls.get("/plain").code(), "the routes share the permits of an address");
            assertEquals(List.of(200, 200, 200, 429), calls.get("/annotated", 4), "an annotation replaces it");
            assertEquals(List.of(200, 200, 200, 200, 429), calls.get("/ruled", 5), "a rule replaces it");
            assertEquals(List.of(200, 200, 200), calls.get("/exempt", 3), "@NoRateLimit");
            assertEquals(List.of(404, 404, 404), calls.get("/no-route", 3));
        }
    }

    @Test
    @Tag("management")
    void probesPassUnderDefault() {
        try (TestServer server = start(Map.of("ratelimit.default", "1/h", "endpoints.health.sensitive", false))) {
            assertEquals(List.of(200, 200, 200), server.calls().get("/health", 3));
            assertEquals(List.of(200, 200, 200), server.calls().get("/health/liveness", 3));
            assertEquals(List.of(200, 429), server.calls().get("/plain", 2));
        }
    }

    @Test
    void excludedPathHasNoDefault() {
        try (TestServer server = start(Map.of("ratelimit.default", "1/h", "ratelimit.exclude", "/other/**"))) {
            assertEquals(List.of(200, 200), server.calls().get("/other", 2));
            assertNull(server.calls().get("/other").header("RateLimit-Policy"));
            assertEquals(List.of(200, 429), server.calls().get("/plain", 2));
        }
    }

    @Test
    void defaultMayHaveKey() {
        try (TestServer server = start(Map.of("ratelimit.default", "5/s; 1/h by {principal-or-ip}"))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 429), calls.get("/plain", 2, "X-User", "alice"));
            assertEquals(List.of(200, 429), calls.get("/plain", 2, "X-User", "bob"));
            assertEquals(List.of(200, 429), calls.get("/plain", 2));
        }
    }

    @Test
    void defaultMayBePolicyWithCases() {
        try (TestServer server = start(Map.of(
                "ratelimit.default",
                "my-api",
                "ratelimit.policies.my-api.cases",
                List.of("anonymous: 1/h by {ip}", "authenticated: 2/h by {principal}")))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 429), calls.get("/plain", 3, "X-User", "alice"));
            assertEquals(List.of(200, 429), calls.get("/plain", 2));
        }
    }

    @ParameterizedTest
    @Tag("netty")
    @ValueSource(strings = {"assets", "upgrades, assets"})
    void ruleLeavesOutAssets(String skip) {
        try (TestServer server = start(Map.of(
                "micronaut.router.static-resources.files.paths", "classpath:public",
                "micronaut.router.static-resources.files.mapping", "/files/**",
                "ratelimit.policies.rule.limits", "2/h",
                "ratelimit.rules[0].path", "/**",
                "ratelimit.rules[0].policy", "rule",
                "ratelimit.rules[0].skip", skip))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 200), calls.get("/files/hello.txt", 4));
            assertNull(calls.get("/files/hello.txt").header("RateLimit"));
            assertEquals(List.of(404), calls.get("/files/missing.txt", 1), "a file that does not exist is no asset");
            assertEquals(
                    200,
                    calls.get("/plain", "Upgrade", "websocket", "Connection", "Upgrade")
                            .code());
            assertEquals(429, calls.get("/plain").code());
            assertEquals(429, calls.get("/files/missing.txt").code());
            assertEquals(200, calls.get("/files/hello.txt").code());
        }
    }

    /** Any client can send the header, so it does not make a request one for a WebSocket. */
    @Test
    void headerDoesNotMakeRequestAnUpgrade() {
        try (TestServer server = start(Map.of(
                "ratelimit.policies.rule.limits", "2/h",
                "ratelimit.rules[0].path", "/**",
                "ratelimit.rules[0].policy", "rule",
                "ratelimit.rules[0].skip", "upgrades"))) {
            String[] headers = {"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "13"};
            assertEquals(List.of(200, 200, 429), server.calls().get("/plain", 3, headers));
        }
    }

    @Controller
    @Secured(SecurityRule.IS_ANONYMOUS)
    @Requires(property = "spec", value = "DefaultLimitTest")
    static class Routes {

        @Get("/plain")
        String plain() {
            return "ok";
        }

        @Get("/other")
        String other() {
            return "ok";
        }

        @Get("/ruled")
        String ruled() {
            return "ok";
        }

        @Get("/annotated")
        @RateLimit("3/h")
        String annotated() {
            return "ok";
        }

        @Get("/exempt")
        @NoRateLimit
        String exempt() {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "spec", value = "DefaultLimitTest")
    static class Users implements AuthenticationFetcher<HttpRequest<?>> {

        @Override
        public Publisher<Authentication> fetchAuthentication(HttpRequest<?> request) {
            String user = request.getHeaders().get("X-User");
            return user == null ? Mono.empty() : Mono.just(Authentication.build(user));
        }
    }
}
