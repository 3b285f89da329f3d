package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Exclusions, the default ones and the configured ones, and what they never exempt. */
class ExclusionsTest {

    private static TestServer start(String... properties) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("ratelimit.policies.one.limits", "1/h");
        all.put("ratelimit.rules[0].path", "/**");
        all.put("ratelimit.rules[0].policy", "one");
        for (int i = 0; i < properties.length; i += 2) {
            all.put(properties[i], properties[i + 1]);
        }
        return TestServer.start(ExclusionsTest.class, all);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/health",
                "/health/liveness",
                "/metrics",
                "/metrics/jvm.threads",
                "/swagger/x.yml",
                "/favicon.ico"
            })
    void defaultsExemptFromWiderRules(String path) {
        try (TestServer server = start()) {
            List<Integer> statuses = server.calls().get(path, 3);
            assertEquals(1, statuses.stream().distinct().count(), statuses.toString());
            assertEquals(List.of(404, 429), server.calls().get("/elsewhere", 2), "the rule limits other paths");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"/en/search", "/swagger/search", "/swagger-ui/search", "/redoc/search", "/favicon.ico/search"})
    void defaultsNeverFreeAnnotatedRoute(String path) {
        try (TestServer server = TestServer.start(ExclusionsTest.class, Map.of())) {
            assertEquals(List.of(200, 200, 429), server.calls().get(path, 3));
            assertNotNull(server.calls().get(path).header("RateLimit"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/acme/orders", "/swagger/orders", "/metrics-of-acme/orders", "/rapidoc/orders"})
    void defaultsDoNotFreeRouteThatBeginsWithVariableFromRules(String path) {
        try (TestServer server = start()) {
            assertEquals(List.of(200, 429), server.calls().get(path, 2));
        }
    }

    @ParameterizedTest
    @CsvSource({"/metrics/**, /metrics/x", "/health, /health", "/swagger/**, /swagger/x", "/health/**, /health/liveness"
    })
    void ruleForExcludedPathItselfApplies(String pattern, String path) {
        try (TestServer server = start("ratelimit.rules[0].path", pattern)) {
            List<Integer> statuses = server.calls().get(path, 2);
            assertEquals(429, statuses.get(1), statuses.toString());
            assertEquals(List.of(404, 404), server.calls().get("/elsewhere", 2));
        }
    }

    @Test
    void configuredExclusionsAreAddedToDefaults() {
        try (TestServer server = start("ratelimit.exclude", "/acme/**")) {
            assertEquals(List.of(200, 200), server.calls().get("/acme/orders", 2));
            assertEquals(List.of(404, 404), server.calls().get("/favicon.ico", 2), "the defaults still apply");
            assertEquals(List.of(200, 429), server.calls().get("/other/orders", 2));
        }
    }

    @Test
    void withoutDefaultsOnlyConfiguredExclusionsApply() {
        try (TestServer server = start("ratelimit.exclude-defaults", "false", "ratelimit.exclude", "/acme/**")) {
            assertEquals(List.of(200, 200), server.calls().get("/acme/orders", 2));
            assertEquals(List.of(404, 429), server.calls().get("/favicon.ico", 2));
        }
    }

    /** The endpoint is recognized by its route, so its path does not matter. */
    @ParameterizedTest
    @Tag("management")
    @CsvSource({
        "endpoints.all.path, /internal, /internal/health",
        "endpoints.health.path, /alive, /alive",
        "endpoints.all.context-path, /mgmt, /mgmt/health",
        "micronaut.server.context-path, /api, /api/health",
        "micronaut.server.context-path, api/, /api/health",
        "endpoints.all.path, /internal, /internal/health/liveness",
        "endpoints.all.path, /internal, /internal/health/readiness",
        "micronaut.server.context-path, /api, /api/health/readiness",
        "endpoints.health.enabled, true, /health",
        "endpoints.health.enabled, true, /health/liveness",
        "endpoints.health.enabled, true, /health/readiness",
    })
    void endpointIsExemptAtItsOwnPath(String property, String value, String path) {
        try (TestServer server = start(property, value)) {
            assertEquals(List.of(200, 200), server.calls().get(path, 2));
            assertEquals(List.of(404, 429), server.calls().get("/elsewhere", 2), "the rule limits other paths");
        }
    }

    /** A probe of Kubernetes uses the port for management if there is one. */
    @ParameterizedTest
    @Tag("netty")
    @Tag("management")
    @ValueSource(strings = {"/health", "/health/liveness", "/health/readiness"})
    void endpointIsExemptOnItsOwnPort(String path) throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        try (TestServer server = start("endpoints.all.port", String.valueOf(port))) {
            URI probe = URI.create("http://localhost:" + port + path);
            for (int i = 0; i < 3; i++) {
                assertEquals(200, server.calls().get(probe).code());
            }
            assertEquals(List.of(404, 429), server.calls().get("/elsewhere", 2), "the rule limits other paths");
        }
    }

    @Test
    @Tag("management")
    void ruleForEndpointAtItsOwnPathApplies() {
        try (TestServer server =
                start("endpoints.all.path", "/internal", "ratelimit.rules[0].path", "/internal/health/**")) {
            assertEquals(List.of(200, 429), server.calls().get("/internal/health", 2));
        }
    }

    @Controller
    @Requires(property = "spec", value = "ExclusionsTest")
    static class Routes {

        @Get("/{lang}/search")
        @RateLimit("2/h")
        String search(String lang) {
            return lang;
        }

        @Get("/{tenant}/orders")
        String orders(String tenant) {
            return tenant;
        }
    }
}
