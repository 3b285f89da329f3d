package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.config.PolicyResolver;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.context.scope.refresh.RefreshEvent;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;

/** Which numbers hold for whom, and that they may change while the application runs. */
class NumbersTest {

    private static final Map<String, Object> TENANT = Map.of(
            "ratelimit.policies.tenant.limits", "1/min",
            "ratelimit.policies.tenant.key", "{header:X-Tenant}");

    @Test
    void keysMayHaveNumbersOfTheirOwn() throws IOException {
        Map<String, Object> settings = new LinkedHashMap<>(TENANT);
        settings.put("ratelimit.policies.tenant.overrides", List.of(
                Map.of("key", "Big Shop", "limits", "3/min"), Map.of("key", "192.0.2.1", "limits", List.of("2/min", "5/day"))));
        serve(settings, (calls, context) -> {
            assertEquals(List.of(200, 429), calls.get("/tenant", 2, "X-Tenant", "small shop"));
            assertEquals(List.of(200, 200, 200, 429), calls.get("/tenant", 4, "X-Tenant", "Big Shop"));
            assertEquals(List.of(200, 200, 429), calls.get("/tenant", 3, "X-Tenant", "192.0.2.1"));
            assertEquals("\"tenant\";q=3;w=60", calls.get("/tenant", "X-Tenant", "Big Shop").header("RateLimit-Policy"));
            Policies policies = context.getBean(Policies.class);
            Policy own = policies.forKey(policies.get("tenant"), "Big Shop");
            assertEquals(0, context.getBean(RateLimiter.class).peek(own, "Big Shop", 0).remaining(), "and so for code");
        });
    }

    @Test
    void overridesMayBeWrittenAsFlatProperties() throws IOException {
        Map<String, Object> settings = new LinkedHashMap<>(TENANT);
        settings.put("ratelimit.policies.tenant.overrides[0].key", "a");
        settings.put("ratelimit.policies.tenant.overrides[0].limits", "2/min");
        serve(settings, (calls, context) ->
                assertEquals(List.of(200, 200, 429), calls.get("/tenant", 3, "X-Tenant", "a")));
    }

    @Test
    void aBeanMayChooseTheNumbersByPlanAndMayFail() throws IOException {
        Map<String, Object> settings = new LinkedHashMap<>(TENANT);
        settings.put("plans", "true");
        settings.put("ratelimit.policies.tenant.overrides", List.of(Map.of("key", "fixed", "limits", "2/min")));
        serve(settings, (calls, context) -> {
            assertEquals(List.of(200, 200, 200, 429), calls.get("/tenant", 4, "X-Tenant", "a", "X-Plan", "gold"));
            assertEquals(List.of(200, 429), calls.get("/tenant", 2, "X-Tenant", "b", "X-Plan", "silver"));
            assertEquals(List.of(200, 429), calls.get("/tenant", 2, "X-Tenant", "c", "X-Plan", "throw"));
            assertEquals(List.of(200, 200, 429), calls.get("/tenant", 3, "X-Tenant", "fixed", "X-Plan", "gold"));
        });
    }

    @Test
    void aRaisedLimitFreesABlockedCallerAtOnce(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("limits.yml"), limits("2/min", "1/min", "1/min"));
        serve(Map.of("micronaut.config.files", file.toString()), (calls, context) -> {
            Map<String, Integer> before = Map.of("/policy", 2, "/inline", 1, "/ruled", 1);
            before.forEach((path, times) -> {
                calls.get(path, times);
                assertEquals(429, calls.get(path).code(), path);
            });
            write(file, limits("4/min", "2/min", "3/min"));
            refresh(context);
            assertEquals(List.of(200, 200, 429), calls.get("/policy", 3), "what was spent stays spent");
            assertEquals(List.of(200, 429), calls.get("/inline", 2));
            assertEquals(List.of(404, 404, 429), calls.get("/ruled", 3), "no route, but a rule");

            write(file, limits("1/min", "1/min", "1/min"));
            refresh(context);
            HttpResponse<?> denied = calls.get("/policy");
            assertEquals("240", denied.header("Retry-After"), "4 are owed under 1/min");
        });
    }

    @Test
    @Tag("netty")
    @Tag("management")
    void theRefreshEndpointMakesPoliciesAndForgetsWhatIsGone(@TempDir Path directory) throws IOException {
        String live = "ratelimit: { policies: { live: { limits: %s } }, %s }";
        Path file = Files.writeString(directory.resolve("limits.yml"), live.formatted("1/min", "exclude: [/inline]"));
        serve(Map.of("micronaut.config.files", file.toString(), "endpoints.refresh.sensitive", false), (calls, context) -> {
            assertEquals(List.of(200, 429), calls.get("/policy", 2));
            assertEquals(List.of(200, 200), calls.get("/inline", 2), "excluded");
            assertEquals(List.of(404, 404), calls.get("/elsewhere", 2), "no rule");

            write(file, "ratelimit: { policies: { live: { limits: 3/min }, added: { limits: 1/min } },"
                    + " rules: [{ path: /elsewhere, policy: added }] }");
            postRefresh(calls);
            assertEquals(List.of(200, 200, 429), calls.get("/policy", 3), "a raised limit frees the blocked at once");
            assertEquals(List.of(404, 429), calls.get("/elsewhere", 2), "a new rule with a new policy");
            assertEquals(List.of(200, 429), calls.get("/inline", 2), "not excluded any more");
            assertEquals("1/min", context.getBean(Policies.class).get("added").limits().get(0).toString());

            write(file, "other: 1");
            postRefresh(calls);
            assertEquals(List.of(404, 404), calls.get("/elsewhere", 2), "the rule is gone");
            assertEquals("1/min", calls.get("/policy").header("RateLimit-Policy").replaceAll(".*q=(\\d+);w=60", "$1/min"),
                    "the numbers of the annotation hold where none are configured");
            ConfigurationException gone = assertThrows(ConfigurationException.class,
                    () -> context.getBean(Policies.class).get("added"));
            assertTrue(gone.getMessage().startsWith("The policy \"added\""), gone.getMessage());
        });
    }

    /** Micronaut's environment goes on finding a property that was removed; what is read without it is asserted above. */
    @Test
    @Tag("netty")
    @Tag("management")
    void aTextKeepsTheValueOfAPropertyThatIsRemoved(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("limits.yml"), "inline: 2/min");
        serve(Map.of("micronaut.config.files", file.toString(), "endpoints.refresh.sensitive", false), (calls, context) -> {
            assertEquals(List.of(200, 200, 429), calls.get("/inline", 3));
            write(file, "other: 1");
            postRefresh(calls);
            assertEquals("2", calls.get("/inline").header("RateLimit-Policy").replaceAll(".*q=(\\d+);w=60", "$1"));
        });
    }

    private static void postRefresh(Calls calls) {
        HttpResponse<?> answer = calls.exchange(HttpRequest.POST("/refresh", Map.of()));
        assertEquals(200, answer.code());
    }

    @Test
    void aValueThatIsNoneOfItsSettingIsNotTakenOver(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("limits.yml"), limits("2/min", "1/min", "1/min"));
        serve(Map.of("micronaut.config.files", file.toString()), (calls, context) -> {
            write(file, "ratelimit: { policies: { live: { limits: 9/min, deadline: soon }, rule: { limits: 1/min } } }");
            try (Log log = new Log()) {
                assertThrows(RuntimeException.class, () -> refresh(context), "the framework's own refresh fails too");
                assertEquals(1, log.startingWith("The limits were not refreshed, those before still hold: "
                        + "ratelimit.policies.live.deadline = \"soon\" cannot be read; write a duration such as 100ms, 10s or 1m.").size(), log.lines().toString());
            }
            assertEquals(List.of(200, 200, 429), calls.get("/policy", 3));
        });
    }

    @Test
    void aWrongSettingIsNotTakenOverAndTheOldOnesHold(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("limits.yml"), limits("2/min", "1/min", "1/min"));
        serve(Map.of("micronaut.config.files", file.toString()), (calls, context) -> {
            calls.get("/policy");
            write(file, limits("9/min", "often", "9/min"));
            try (Log log = new Log()) {
                refresh(context);
                assertEquals(1, log.startingWith("The limits were not refreshed, those before still hold: @RateLimit on ")
                        .size(), log.lines().toString());
            }
            assertEquals(List.of(200, 429), calls.get("/policy", 2));
            assertEquals(List.of(404, 429), calls.get("/ruled", 2));
        });
    }

    @Test
    void aCostIsWeighedByWhatTheRequestSaysWithinBounds() throws IOException {
        serve(Map.of(), (calls, context) -> {
            assertEquals("\"NumbersTest$Routes.weighed\";r=10;t=30", calls.get("/weighed?size=100").header("RateLimit"));
            assertEquals("\"NumbersTest$Routes.weighed\";r=9;t=33", calls.get("/weighed?size=0").header("RateLimit"));
            assertEquals("\"NumbersTest$Routes.weighed\";r=5;t=45", calls.get("/weighed?size=4").header("RateLimit"));
            HttpResponse<?> denied = calls.get("/weighed?size=7");
            assertEquals("6", denied.header("Retry-After"), "two more permits for this one");
            HttpRequest<?> upload = HttpRequest.POST("/upload", "x".repeat(2_001)).header("Content-Type", "text/plain");
            assertEquals("\"NumbersTest$Routes.upload\";r=7;t=18", calls.exchange(upload).header("RateLimit"));
        });
    }

    @Test
    void aCostIsComputedOnARouteWithinBounds() throws IOException {
        serve(Map.of(), (calls, context) -> {
            assertEquals("\"NumbersTest$Routes.computed\";r=16;t=12", calls.get("/computed?size=4").header("RateLimit"));
            assertEquals("\"NumbersTest$Routes.computed\";r=6;t=42", calls.get("/computed?size=100").header("RateLimit"));
            assertEquals("\"NumbersTest$Routes.computed\";r=5;t=45", calls.get("/computed?size=-100").header("RateLimit"));
            assertEquals("\"NumbersTest$Routes.computed\";r=4;t=48", calls.get("/computed").header("RateLimit"));
            assertEquals(429, calls.get("/computed?size=5").code());
        });
    }

    private static String limits(String policy, String inline, String ruled) {
        return String.join("\n", "ratelimit:", "  policies:", "    live: { limits: '" + policy + "' }",
                "    rule: { limits: '" + ruled + "' }", "  rules:", "    - { path: /ruled, policy: rule }",
                "inline: '" + inline + "'", "");
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What {@code POST /refresh} does. */
    @SuppressWarnings("unchecked")
    private static void refresh(ApplicationContext context) {
        Map<String, Object> changes = context.getEnvironment().refreshAndDiff();
        assertTrue(!changes.isEmpty(), "the file is read again");
        context.getBean(ApplicationEventPublisher.class).publishEvent(new RefreshEvent(changes));
    }

    private interface Check {
        void with(Calls calls, ApplicationContext context) throws IOException;
    }

    private static void serve(Map<String, Object> settings, Check check) throws IOException {
        Map<String, Object> all = new LinkedHashMap<>(settings);
        all.put("spec", "NumbersTest");
        all.put("micronaut.server.port", -1);
        all.putIfAbsent("ratelimit.policies.tenant.limits", "1/min");
        String files = (String) all.remove("micronaut.config.files");
        if (files != null) {
            System.setProperty("micronaut.config.files", files);
        }
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, all, "test");
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            check.with(new Calls(client), server.getApplicationContext());
        } finally {
            System.clearProperty("micronaut.config.files");
        }
    }

    @Controller
    @Requires(property = "spec", value = "NumbersTest")
    static class Routes {

        @Get("/tenant")
        @RateLimit(policy = "tenant")
        String tenant() {
            return "ok";
        }

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

        @Get("/weighed")
        @RateLimit(value = "20/min", permits = "{query:size} 1..10")
        String weighed() {
            return "ok";
        }

        @Get("/computed")
        @RateLimit(value = "20/min", key = "{ip}", permits = "#{ size } 1..10")
        String computed(@QueryValue @Nullable Long size) {
            return "ok";
        }

        @Post("/upload")
        @RateLimit(value = "10/min", permits = "{body-size} / 1000")
        @io.micronaut.http.annotation.Consumes("text/plain")
        String upload(@io.micronaut.http.annotation.Body String body) {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "plans")
    static class Plans implements PolicyResolver {

        @Override
        public Policy resolve(Policy policy, String key, @Nullable HttpRequest<?> request) {
            String plan = request == null ? "" : request.getHeaders().get("X-Plan");
            return switch (plan == null ? "" : plan) {
                case "gold" -> policy.withLimits(Limit.parseAll("3/min"));
                case "throw" -> throw new IllegalStateException("no plan");
                default -> policy;
            };
        }
    }
}
