package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.context.scope.refresh.RefreshEvent;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Limits that change while the application runs. */
class ConfigurationRefreshTest {

    private static final String FILES = "micronaut.config.files";

    @TempDir
    Path directory;

    Path file;

    @BeforeEach
    void configure() {
        file = directory.resolve("limits.yml");
        System.setProperty(FILES, file.toString());
    }

    @AfterEach
    void reset() {
        System.clearProperty(FILES);
    }

    @Test
    void raisedLimitFreesDeniedCallerAtOnce() {
        write(limits("2/min", "1/min", "1/min"));
        try (TestServer server = start(Map.of())) {
            Calls calls = server.calls();
            Map<String, Integer> before = Map.of("/policy", 2, "/inline", 1, "/ruled", 1);
            before.forEach((path, times) -> {
                calls.get(path, times);
                assertEquals(429, calls.get(path).code(), path);
            });
            write(limits("4/min", "2/min", "3/min"));
            refresh(server.context());
            assertEquals(List.of(200, 200, 429), calls.get("/policy", 3), "spent permits stay spent");
            assertEquals(List.of(200, 429), calls.get("/inline", 2));
            assertEquals(List.of(404, 404, 429), calls.get("/ruled", 3), "a rule without a route");

            write(limits("1/min", "1/min", "1/min"));
            refresh(server.context());
            HttpResponse<?> denied = calls.get("/policy");
            assertEquals("240", denied.header("Retry-After"), "4 permits refill at 1/min");
        }
    }

    @Test
    @Tag("netty")
    @Tag("management")
    void refreshEndpointAddsAndRemovesPoliciesAndRules() {
        String live = "ratelimit: { policies: { live: { limits: %s } }, %s }";
        write(live.formatted("1/min", "exclude: [/inline]"));
        try (TestServer server = start(Map.of("endpoints.refresh.sensitive", false))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 429), calls.get("/policy", 2));
            assertEquals(List.of(200, 200), calls.get("/inline", 2), "excluded");
            assertEquals(List.of(404, 404), calls.get("/elsewhere", 2), "no rule");

            write("ratelimit: { policies: { live: { limits: 3/min }, added: { limits: 1/min } },"
                    + " rules: [{ path: /elsewhere, policy: added }] }");
            postRefresh(calls);
            assertEquals(
                    List.of(200, 200, 429), calls.get("/policy", 3), "a raised limit frees a denied caller at once");
            assertEquals(List.of(404, 429), calls.get("/elsewhere", 2), "a new rule with a new policy");
            assertEquals(List.of(200, 429), calls.get("/inline", 2), "no longer excluded");
            PolicyRegistry policies = server.context().getBean(PolicyRegistry.class);
            assertEquals("1/min", policies.get("added").rateLimits().get(0).toString());

            write("other: 1");
            postRefresh(calls);
            assertEquals(List.of(404, 404), calls.get("/elsewhere", 2), "the rule is removed");
            assertEquals(
                    "1/min",
                    calls.get("/policy").header("RateLimit-Policy").replaceAll(".*q=(\\d+);w=60", "$1/min"),
                    "the limits of the annotation apply without a configured policy");
            ConfigurationException removed = assertThrows(ConfigurationException.class, () -> policies.get("added"));
            assertTrue(removed.getMessage().startsWith("The policy \"added\""), removed.getMessage());
        }
    }

    @Test
    void casesAndDefaultChangeAndInvalidOnesDoNot() {
        write("ratelimit: { policies: { live: { limits: 1/min } } }");
        try (TestServer server = start(Map.of())) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 429), calls.get("/policy", 2));
            write("ratelimit: { policies: { live: { limits: 1/min, cases: [\"header:X-Plan: 2/min\"] } },"
                    + " default: 9/h }");
            refresh(server.context());
            assertEquals(List.of(200, 200, 429), calls.get("/policy", 3, "X-Plan", "pro"));
            assertEquals(429, calls.get("/policy").code(), "spent permits of the policy stay spent");
            write("ratelimit: { policies: { live: { limits: 1/min, cases: [\"header:=: 2/min\"] } } }");
            refresh(server.context());
            assertEquals(429, calls.get("/policy", "X-Plan", "pro").code(), "the previous cases stay in force");
            write("ratelimit: { policies: { live: { limits: 1/min, exempt: 127.0.0.1 } } }");
            refresh(server.context());
            assertEquals(List.of(200, 200, 200), calls.get("/policy", 3));
        }
    }

    /** The environment of Micronaut keeps the value of a removed property, unlike the refresh of policies and rules. */
    @Test
    @Tag("netty")
    @Tag("management")
    void placeholderKeepsValueOfRemovedProperty() {
        write("inline: 2/min");
        try (TestServer server = start(Map.of("endpoints.refresh.sensitive", false))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 429), calls.get("/inline", 3));
            write("other: 1");
            postRefresh(calls);
            assertEquals("2", calls.get("/inline").header("RateLimit-Policy").replaceAll(".*q=(\\d+);w=60", "$1"));
        }
    }

    @Test
    void invalidValueKeepsPreviousLimits() {
        write(limits("2/min", "1/min", "1/min"));
        try (TestServer server = start(Map.of())) {
            write("ratelimit: { policies: { live: { limits: 9/min, deadline: soon }, rule: { limits: 1/min } } }");
            try (Log log = new Log()) {
                assertThrows(
                        RuntimeException.class, () -> refresh(server.context()), "the framework's refresh fails too");
                assertEquals(
                        1,
                        log.startingWith("Limits were not refreshed; the previous limits stay in force: "
                                        + "ratelimit.policies.live.deadline = \"soon\"")
                                .size(),
                        log.lines().toString());
            }
            assertEquals(List.of(200, 200, 429), server.calls().get("/policy", 3));
        }
    }

    @Test
    void invalidAnnotationKeepsPreviousLimits() {
        write(limits("2/min", "1/min", "1/min"));
        try (TestServer server = start(Map.of())) {
            Calls calls = server.calls();
            calls.get("/policy");
            write(limits("9/min", "often", "9/min"));
            try (Log log = new Log()) {
                refresh(server.context());
                assertEquals(
                        1,
                        log.startingWith("Limits were not refreshed; the previous limits stay in force: @RateLimit on ")
                                .size(),
                        log.lines().toString());
            }
            assertEquals(List.of(200, 429), calls.get("/policy", 2));
            assertEquals(List.of(404, 429), calls.get("/ruled", 2));
        }
    }

    /** A bean has no status, so its limit would give back every call. */
    @Test
    void outcomeThatCanNeverBeKnownKeepsPreviousLimits() {
        write(limits("2/min", "1/min", "1/min"));
        try (TestServer server = start(Map.of())) {
            write(limits("9/min", "1/min", "1/min")
                    .replace("  rules:", "    jobs: { limits: 5/min, charge-on: 401 }\n  rules:"));
            try (Log log = new Log()) {
                refresh(server.context());
                assertEquals(
                        1,
                        log.lines().stream()
                                .filter(line -> line.contains("has \"charge-on: 401\", but run() is not a route"))
                                .count(),
                        log.lines().toString());
            }
            assertEquals(List.of(200, 200, 429), server.calls().get("/policy", 3));
        }
    }

    private static TestServer start(Map<String, Object> properties) {
        return TestServer.start(ConfigurationRefreshTest.class, properties);
    }

    private static String limits(String policy, String inline, String ruled) {
        return String.join(
                "\n",
                "ratelimit:",
                "  policies:",
                "    live: { limits: '" + policy + "' }",
                "    rule: { limits: '" + ruled + "' }",
                "  rules:",
                "    - { path: /ruled, policy: rule }",
                "inline: '" + inline + "'",
                "");
    }

    private void write(String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Does the same as {@code POST /refresh}. */
    @SuppressWarnings("unchecked")
    private static void refresh(ApplicationContext context) {
        Map<String, Object> changes = context.getEnvironment().refreshAndDiff();
        assertTrue(!changes.isEmpty(), "the file is read again");
        context.getBean(ApplicationEventPublisher.class).publishEvent(new RefreshEvent(changes));
    }

    private static void postRefresh(Calls calls) {
        assertEquals(200, calls.exchange(HttpRequest.POST("/refresh", Map.of())).code());
    }

    @Singleton
    @Requires(property = "spec", value = "ConfigurationRefreshTest")
    static class Jobs {

        @RateLimit(value = "5/min", policy = "jobs")
        void run() {}
    }

    @Controller
    @Requires(property = "spec", value = "ConfigurationRefreshTest")
    static class Routes {

        @Get("/policy")
        @RateLimit(value = "1/min", policy = "live")
        String policy() {
            return "ok";
        }

        @Get("/inline")
        @RateLimit("${inline:1/min}")
        String inline() {
            return "ok";
        }
    }
}
