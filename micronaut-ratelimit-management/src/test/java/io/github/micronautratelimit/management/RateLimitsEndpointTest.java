package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The endpoint over HTTP, and the effect of its actions on the next request. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "RateLimitsEndpointTest")
@Property(name = "ratelimit.silence", value = "RL005")
@Property(name = "endpoints.ratelimits.sensitive", value = "false")
@Property(name = "endpoints.ratelimits.write-sensitive", value = "false")
@Property(name = "ratelimit.policies.orders.limits", value = "3/min")
@Property(name = "ratelimit.policies.orders.key", value = "{header:X-User}")
@Property(name = "ratelimit.policies.orders.on-error", value = "closed")
@Property(name = "ratelimit.policies.orders.overrides[0].key", value = "vip")
@Property(name = "ratelimit.policies.orders.overrides[0].limits", value = "5/min")
@Property(name = "ratelimit.policies.jobs.limits", value = "2/h fixed")
@Property(name = "ratelimit.rules[0].path", value = "/shop/**")
@Property(name = "ratelimit.rules[0].methods", value = "GET")
@Property(name = "ratelimit.rules[0].policy", value = "orders")
@Property(name = "ratelimit.rules[0].permits", value = "{query:size} 1..3")
class RateLimitsEndpointTest {

    private static final Argument<Map<String, Object>> JSON = Argument.mapOf(String.class, Object.class);

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    EmbeddedServer server;

    @Inject
    RateLimiter limiter;

    @Inject
    PolicyRegistry policies;

    @Inject
    VirtualClock clock;

    @Inject
    Mails mails;

    @Test
    void theReportContainsLimitsDeclarationAndUsesOfPolicies() {
        Map<String, Object> orders = policy("orders");
        assertEquals(List.of("3/min"), orders.get("limits"));
        assertEquals("CLOSED", orders.get("onError"));
        assertEquals("{header:X-User}", orders.get("key"));
        assertTrue(
                orders.get("declaredIn").toString().startsWith("ratelimit.policies.orders.limits of "),
                orders.get("declaredIn").toString());
        assertEquals(
                List.of(Map.of(
                        "location",
                        "ratelimit.rules[0]: GET /shop/**",
                        "key",
                        "{header:X-User}",
                        "permits",
                        "{query:size} 1..3")),
                orders.get("appliesTo"));
        assertEquals(
                List.of(Map.of("keyHash", KeyHash.of("{header:x-user}vip"), "limits", List.of("5/min"))),
                orders.get("overrides"));

        String hello = Routes.class.getName() + ".hello()";
        Map<String, Object> annotated = policy(hello);
        assertEquals(List.of("2/s"), annotated.get("limits"));
        assertEquals("annotation", annotated.get("declaredIn"));
        assertEquals(
                List.of(Map.of("location", "@RateLimit on " + hello, "key", "{ip}", "permits", "1")),
                annotated.get("appliesTo"));
        assertEquals(List.of(), policy("jobs").get("appliesTo"), "only code uses it");
        assertEquals("{ip}", report().get("defaultKey"));
    }

    @Test
    void aPeekReturnsTheStateOfAKeyWithoutChargingIt() {
        get("/shop/a", 2, "X-User", "alice");
        for (int i = 0; i < 5; i++) {
            assertEquals(
                    Map.of(
                            "policy",
                            "orders",
                            "keyHash",
                            KeyHash.of("{header:x-user}alice"),
                            "limits",
                            List.of("3/min"),
                            "allowed",
                            true,
                            "remaining",
                            1,
                            "retryAfterMillis",
                            0,
                            "resetAfterMillis",
                            40_000,
                            "deniedBy",
                            List.of(),
                            "source",
                            "STORE"),
                    post("peek", Map.of("policy", "orders", "key", "alice")));
        }
        assertEquals(List.of(200, 429), get("/shop/a", 2, "X-User", "alice"));
        Map<String, Object> denied = post("peek", Map.of("policy", "orders", "key", "alice"));
        assertEquals(
                List.of(false, 0, 20_000, List.of("3/min")),
                List.of(
                        denied.get("allowed"),
                        denied.get("remaining"),
                        denied.get("retryAfterMillis"),
                        denied.get("deniedBy")));
    }

    @Test
    void aResetAffectsTheNextRequestOfThisKeyOnly() {
        assertEquals(List.of(200, 200, 200, 429), get("/shop/a", 4, "X-User", "alice"));
        assertEquals(List.of(200, 200, 200, 429), get("/shop/a", 4, "X-User", "bob"));
        assertEquals(
                3, post("reset", Map.of("policy", "orders", "key", "alice")).get("remaining"));
        assertEquals(List.of(200, 200, 200, 429), get("/shop/a", 4, "X-User", "alice"));
        assertEquals(List.of(429), get("/shop/a", 1, "X-User", "bob"));
    }

    @Test
    void aBlockDeniesRequestsUntilItExpires() {
        assertEquals(List.of(200), get("/shop/a", 1, "X-User", "alice"));
        Map<String, Object> blocked = post("block", Map.of("policy", "orders", "key", "alice", "duration", "10m"));
        assertEquals(List.of(false, 600_000), List.of(blocked.get("allowed"), blocked.get("retryAfterMillis")));
        assertEquals(List.of(429), get("/shop/a", 1, "X-User", "alice"));
        assertEquals(List.of(200), get("/shop/a", 1, "X-User", "bob"));
        clock.advance(Duration.ofSeconds(599));
        assertEquals(List.of(429), get("/shop/a", 1, "X-User", "alice"));
        clock.advance(Duration.ofSeconds(1));
        assertEquals(List.of(200, 200, 200, 429), get("/shop/a", 4, "X-User", "alice"));
    }

    @Test
    void anUnblockEndsABlock() {
        post("block", Map.of("policy", "orders", "key", "alice", "duration", "1d"));
        assertEquals(List.of(429), get("/shop/a", 1, "X-User", "alice"));
        assertEquals(
                true,
                post("unblock", Map.of("policy", "orders", "key", "alice")).get("allowed"));
        assertEquals(List.of(200), get("/shop/a", 1, "X-User", "alice"));
    }

    @Test
    void aKeyWithAnOverrideHasItsOwnLimits() {
        Map<String, Object> vip = post("peek", Map.of("policy", "orders", "key", "vip"));
        assertEquals(List.of(List.of("5/min"), 5), List.of(vip.get("limits"), vip.get("remaining")));
    }

    @Test
    void anAddressIdentifiesAClientThatIsCountedByAddress() {
        assertEquals(List.of(200, 200, 429), get("/hello", 3));
        String hello = Routes.class.getName() + ".hello()";
        assertEquals(
                0, post("peek", Map.of("policy", hello, "key", "127.0.0.1")).get("remaining"));
        assertEquals(
                0,
                post("peek", Map.of("policy", hello, "address", "::ffff:7f00:1"))
                        .get("remaining"));
        post("reset", Map.of("policy", hello, "address", "127.0.0.1"));
        assertEquals(List.of(200), get("/hello", 1));

        assertEquals(List.of(200), get("/shop/a", 1), "without a user, the address replaces it");
        assertEquals(
                2,
                post("peek", Map.of("policy", "orders", "address", "127.0.0.1")).get("remaining"));
        assertEquals(
                3,
                post("peek", Map.of("policy", "orders", "key", "127.0.0.1")).get("remaining"),
                "a user of that name");
    }

    @Test
    void anyTemplateYieldsTheSameKeyAsForARequest() {
        get("/two/7", 1, "X-Tenant", "acme");
        assertEquals(
                0,
                post("peek", Map.of("policy", "two", "key", Map.of("header:X-Tenant", "acme", "path:id", "7")))
                        .get("remaining"));
        assertEquals(
                1,
                post("peek", Map.of("policy", "two", "key", Map.of("header:X-Tenant", "acme", "path:id", "8")))
                        .get("remaining"));
        get("/two/7", 1);
        assertEquals(
                0,
                post("peek", Map.of("policy", "two", "key", Map.of("path:id", "7"), "address", "127.0.0.1"))
                        .get("remaining"));

        get("/token", 1, "Authorization", "Bearer abc");
        assertEquals(0, post("peek", Map.of("policy", "token", "key", "abc")).get("remaining"));
        get("/everybody", 1);
        assertEquals(0, post("peek", Map.of("policy", "everybody")).get("remaining"));
        mails.send("ann");
        assertEquals(0, post("peek", Map.of("policy", "mails", "key", "ann")).get("remaining"));
        limiter.tryAcquire(policies.get("jobs"), "@nightly", 2);
        assertEquals(
                0, post("peek", Map.of("policy", "jobs", "key", "@nightly")).get("remaining"));
    }

    @Test
    void aPolicyWithSeveralTemplatesNeedsOneToBeNamed() {
        get("/either/by-user", 1, "X-User", "alice");
        Map<String, Object> body = Map.of("policy", "either", "key", "alice");
        HttpResponse<Map<String, Object>> rejected = exchange("peek", body);
        assertEquals(400, rejected.code());
        assertEquals(
                "The policy \"either\" has the key templates {header:X-Tenant} and {header:X-User}; write one "
                        + "of them as "
                        + "\"template\".",
                message(rejected));
        assertEquals(
                0,
                post("peek", Map.of("policy", "either", "key", "alice", "template", "{header:X-User}"))
                        .get("remaining"));
        assertEquals(
                1,
                post("peek", Map.of("policy", "either", "key", "bob", "template", "{header:X-User}"))
                        .get("remaining"));
    }

    @Test
    void theReportContainsHashesOfTheMostDeniedKeys() {
        get("/shop/a", 5, "X-User", "mallory@example.com");
        get("/shop/a", 4, "X-User", "eve@example.com");
        List<?> top = (List<?>) report().get("topDenied");
        assertEquals(
                List.of(
                        List.of("orders", KeyHash.of("{header:x-user}mallory@example.com")),
                        List.of("orders", KeyHash.of("{header:x-user}eve@example.com"))),
                top.stream()
                        .map(Map.class::cast)
                        .map(hitter -> List.of(hitter.get("policy"), hitter.get("keyHash")))
                        .toList());
    }

    @Test
    void noResponseContainsAKey() {
        get("/shop/a", 4, "X-User", "mallory@example.com");
        List<String> responses = new ArrayList<>();
        responses.add(client.toBlocking().retrieve("/ratelimits"));
        for (String action : List.of("peek", "reset", "block", "unblock", "destroy")) {
            responses.add(raw(action, Map.of("policy", "orders", "key", "mallory@example.com", "duration", "1m")));
            responses.add(raw(action, Map.of("policy", "orders", "key", "mallory@example.com")));
            responses.add(raw(action, Map.of("policy", "none", "key", "mallory@example.com")));
            responses.add(raw(action, Map.of("policy", "two", "key", "mallory@example.com")));
            responses.add(
                    raw(action, Map.of("policy", Routes.class.getName() + ".hello()", "key", "mallory@example.com")));
        }
        for (String response : responses) {
            assertFalse(response.contains("mallory"), response);
            assertFalse(response.contains("vip"), response);
        }
        assertTrue(responses.get(0).contains(KeyHash.of("{header:x-user}mallory@example.com")));
    }

    @Test
    void anUnknownPolicyOrActionIsNotFound() {
        HttpResponse<Map<String, Object>> policy = exchange("peek", Map.of("policy", "none", "key", "alice"));
        assertEquals(404, policy.code());
        assertTrue(
                message(policy).startsWith("Unknown policy \"none\"; write one of [either, everybody, "),
                message(policy));
        HttpResponse<Map<String, Object>> action = exchange("destroy", Map.of("policy", "orders", "key", "alice"));
        assertEquals(404, action.code());
        assertEquals(
                "Unknown action \"destroy\"; the actions are peek, dry-run, reset, reset-all, block, unblock, override"
                        + " and remove-override.",
                message(action));
    }

    @ParameterizedTest
    @ValueSource(strings = {"soon", "", "-1m", "0s", "400d", "10", "9999999999999d"})
    void anInvalidDurationIsABadRequest(String duration) {
        HttpResponse<Map<String, Object>> rejected =
                exchange("block", Map.of("policy", "orders", "key", "alice", "duration", duration));
        assertEquals(400, rejected.code());
        assertEquals(
                "duration = \"" + duration
                        + "\" is not a positive duration of at most 366 days; write one like \"30s\", "
                        + "\"10m\", \"2h\" or \"1d\".",
                message(rejected));
        assertEquals(List.of(200), get("/shop/a", 1, "X-User", "alice"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | \"policy\" is missing; write one of [",
                "{\"policy\": \"orders\"} | The value of {header:X-User} in the key template "
                        + "\"{header:X-User}\" is missing; ",
                "{\"policy\": \"orders\", \"key\": \"\"} | The value of {header:X-User} in the key template",
                "{\"policy\": \"orders\", \"key\": \"a\", \"address\": \"10.0.0.1\"} | The key template "
                        + "\"{header:X-User}\" needs no address; omit",
                "{\"policy\": \"orders\", \"key\": [\"a\"]} | \"key\" is not a string; ",
                "{\"policy\": \"orders\", \"key\": {\"header:X-Tenant\": \"a\"}} | The key template "
                        + "\"{header:X-User}\" has no {header:X-Tenant}; omit it.",
                "{\"policy\": \"orders\", \"key\": {\"wrong\": \"a\"}} | \"{wrong}\": unknown placeholder",
                "{\"policy\": \"orders\", \"kye\": \"a\"} | Unknown field \"kye\"; the fields are [address, "
                        + "key, policy, template].",
                "{\"policy\": \"orders\", \"key\": \"a\", \"duration\": \"1m\"} | Unknown field \"duration\"; ",
                "{\"policy\": \"orders\", \"key\": \"a\", \"template\": \"{ip}\"} | template = \"{ip}\": The "
                        + "policy \"orders\" has the key template {hea",
                "{\"policy\": \"everybody\", \"key\": \"a\"} | The key template \"{global}\" gives all requests "
                        + "the same key; omit \"key\".",
                "{\"policy\": \"everybody\", \"address\": \"10.0.0.1\"} | The key template \"{global}\" needs "
                        + "no address; omit \"address\".",
                "{\"policy\": \"two\", \"key\": \"a\"} | The key template \"{header:X-Tenant}/{path:id}\" has "
                        + "several placeholders; ",
                "{\"policy\": \"two\", \"key\": {\"path:id\": \"7\"}} | The value of {header:X-Tenant} in the "
                        + "key template",
                "{\"policy\": \"orders\", \"address\": \"10.0.0.0/8\"} | The address is invalid; ",
                "{\"policy\": \"jobs\"} | The policy \"jobs\" has no key template; ",
            })
    void anInvalidBodyIsABadRequestWithOneSentence(String body, String message) {
        HttpResponse<Map<String, Object>> rejected = exchange("peek", body);
        assertEquals(400, rejected.code());
        assertTrue(message(rejected).startsWith(message), message(rejected));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "null",
                "17",
                "\"text\"",
                "{\"policy\":",
                "{\"policy\": null}",
                "{\"policy\": {\"a\": 1}}",
                "{\"policy\": 1, \"key\": true}"
            })
    void noBodyCausesAServerError(String body) {
        int status = exchange("peek", body).code();
        assertTrue(status >= 400 && status < 500, body + ": " + status);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "application/json                  | -                        | -           | 200",
                "application/json;charset=utf-8    | -                        | none        | 200",
                "application/json                  | -                        | same-origin | 200",
                "application/json                  | http://OWN               | -           | 200",
                "application/json                  | http://evil.example      | -           | 403",
                "application/json                  | http://localhost.evil.example | -      | 403",
                "application/json                  | http://OWN.evil.example  | -           | 403",
                "application/json                  | null                     | -           | 403",
                "application/json                  | -                        | cross-site  | 403",
                "application/json                  | -                        | same-site   | 403",
                "application/json                  | http://OWN               | cross-site  | 403",
                "application/x-www-form-urlencoded | http://evil.example      | cross-site  | 415",
                "application/x-www-form-urlencoded | -                        | -           | 415",
                "text/plain                        | -                        | -           | 415",
                "multipart/form-data;boundary=x    | -                        | -           | 415",
            })
    void onlyProgramsAndOwnPagesMayPost(String type, @Nullable String origin, @Nullable String site, int status)
            throws IOException {
        String own = "localhost:" + server.getPort();
        String body = type.startsWith("application/json")
                ? "{\"policy\": \"orders\", \"key\": \"alice\", \"duration\": \"1h\"}"
                : "policy=orders&key=alice&duration=1h";
        int answered = rawPost(
                "/ratelimits/block",
                body,
                "Content-Type: " + type,
                origin == null ? "X-None: 1" : "Origin: " + origin.replace("OWN", own),
                site == null ? "X-None: 2" : "Sec-Fetch-Site: " + site);
        assertTrue(
                answered == status || status == 415 && (answered == 400 || answered == 403),
                type + " was answered " + answered);
        assertEquals(List.of(status == 200 ? 429 : 200), get("/shop/a", 1, "X-User", "alice"));
    }

    private int rawPost(String path, String body, String... headers) throws IOException {
        try (Socket socket = new Socket("localhost", server.getPort())) {
            socket.setSoTimeout(20_000);
            String head = "POST " + path + " HTTP/1.1\r\nHost: localhost:" + server.getPort()
                    + "\r\nConnection: close\r\nContent-Length: " + body.length() + "\r\n"
                    + String.join("\r\n", headers)
                    + "\r\n\r\n";
            socket.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return Integer.parseInt(answer.split(" ", 3)[1]);
        }
    }

    @Test
    void aKeyIsThatOfItsTemplateOnly() {
        assertEquals(List.of(200), get("/either/by-user", 1, "X-User", "acme"));
        assertEquals(
                List.of(200, 429),
                get("/either/by-tenant", 2, "X-Tenant", "acme"),
                "a user does not count as a tenant");
        post("reset", Map.of("policy", "either", "key", "acme", "template", "{header:X-Tenant}"));
        assertEquals(List.of(200), get("/either/by-tenant", 1, "X-Tenant", "acme"));
        assertEquals(List.of(429), get("/either/by-user", 1, "X-User", "acme"));
    }

    private Map<String, Object> report() {
        return client.toBlocking().retrieve(HttpRequest.GET("/ratelimits"), JSON);
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> policy(String name) {
        return (Map<String, Object>) ((Map<String, Object>) report().get("policies")).get(name);
    }

    private Map<String, Object> post(String action, Map<String, Object> body) {
        HttpResponse<Map<String, Object>> response = exchange(action, body);
        assertEquals(200, response.code(), () -> message(response));
        return response.getBody().orElseThrow();
    }

    private String raw(String action, Map<String, Object> body) {
        try {
            return client.toBlocking().retrieve(HttpRequest.POST("/ratelimits/" + action, body));
        } catch (HttpClientResponseException e) {
            return e.getResponse().getBody(String.class).orElseThrow();
        }
    }

    private HttpResponse<Map<String, Object>> exchange(String action, Object body) {
        try {
            return client.toBlocking().exchange(HttpRequest.POST("/ratelimits/" + action, body), JSON, JSON);
        } catch (HttpClientResponseException e) {
            @SuppressWarnings("unchecked")
            HttpResponse<Map<String, Object>> response = (HttpResponse<Map<String, Object>>) e.getResponse();
            return response;
        }
    }

    private static String message(HttpResponse<Map<String, Object>> rejected) {
        Map<String, Object> body = rejected.getBody(JSON).orElseThrow();
        List<?> errors = (List<?>) ((Map<?, ?>) body.get("_embedded")).get("errors");
        return String.valueOf(((Map<?, ?>) errors.get(0)).get("message"));
    }

    private List<Integer> get(String path, int times, String... header) {
        List<Integer> statuses = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            var request = HttpRequest.GET(path);
            if (header.length > 0) {
                request.header(header[0], header[1]);
            }
            try {
                statuses.add(client.toBlocking().exchange(request).code());
            } catch (HttpClientResponseException e) {
                statuses.add(e.code());
            }
        }
        return statuses;
    }

    @Controller
    @Requires(property = "spec", value = "RateLimitsEndpointTest")
    static class Routes {

        @Get("/hello")
        @RateLimit("2/s")
        String hello() {
            return "ok";
        }

        @Get("/shop/a")
        String shop() {
            return "ok";
        }

        @Get("/two/{id}")
        @RateLimit(value = "1/min", policy = "two", key = "{header:X-Tenant}/{path:id}")
        String two(String id) {
            return id;
        }

        @Get("/token")
        @RateLimit(value = "1/min", policy = "token", key = "{bearer-token}")
        String token() {
            return "ok";
        }

        @Get("/everybody")
        @RateLimit(value = "1/min", policy = "everybody", key = "{global}")
        String everybody() {
            return "ok";
        }

        @Get("/either/by-user")
        @RateLimit(value = "1/min", policy = "either", key = "{header:X-User}")
        String byUser() {
            return "ok";
        }

        @Get("/either/by-tenant")
        @RateLimit(value = "1/min", policy = "either", key = "{header:X-Tenant}")
        String byTenant() {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "spec", value = "RateLimitsEndpointTest")
    static class Mails {

        @RateLimit(value = "1/min", policy = "mails", key = "#{ recipient }")
        void send(String recipient) {}
    }
}
