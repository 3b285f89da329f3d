package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.config.Policies;
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
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;

/** What an operator asks and does over HTTP, and that the next request is decided by it. */
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
    RateLimiter limiter;

    @Inject
    Policies policies;

    @Inject
    VirtualClock clock;

    @Inject
    Mails mails;

    @Test
    void policiesAreToldWithTheirNumbersOriginAndPlaces() {
        Map<String, Object> orders = policy("orders");
        assertEquals(List.of("3/min"), orders.get("limits"));
        assertEquals("CLOSED", orders.get("onError"));
        assertEquals("{header:X-User}", orders.get("key"));
        assertTrue(orders.get("origin").toString().startsWith("ratelimit.policies.orders.limits of "),
                orders.get("origin").toString());
        assertEquals(List.of(Map.of("place", "ratelimit.rules[0]: GET /shop/**", "key", "{header:X-User}",
                "permits", "{query:size} 1..3")), orders.get("appliesTo"));
        assertEquals(List.of(Map.of("keyHash", KeyHash.of("vip"), "limits", List.of("5/min"))), orders.get("overrides"));

        String hello = Routes.class.getName() + ".hello()";
        Map<String, Object> annotated = policy(hello);
        assertEquals(List.of("2/s"), annotated.get("limits"));
        assertEquals("annotation", annotated.get("origin"));
        assertEquals(List.of(Map.of("place", "@RateLimit on " + hello, "key", "{ip}", "permits", "1")),
                annotated.get("appliesTo"));
        assertEquals(List.of(), policy("jobs").get("appliesTo"), "only code asks for it");
        assertEquals("{ip}", overview().get("defaultKey"));
    }

    @Test
    void aPeekTellsHowAKeyStandsAndCostsNothing() {
        get("/shop/a", 2, "X-User", "alice");
        for (int i = 0; i < 5; i++) {
            assertEquals(Map.of("policy", "orders", "keyHash", KeyHash.of("alice"), "limits", List.of("3/min"),
                    "allowed", true, "remaining", 1, "retryAfterMillis", 0, "resetAfterMillis", 40_000,
                    "deniedBy", List.of(), "source", "STORE"), post("peek", Map.of("policy", "orders", "key", "alice")));
        }
        assertEquals(List.of(200, 429), get("/shop/a", 2, "X-User", "alice"));
        Map<String, Object> denied = post("peek", Map.of("policy", "orders", "key", "alice"));
        assertEquals(List.of(false, 0, 20_000, List.of("3/min")), List.of(denied.get("allowed"), denied.get("remaining"),
                denied.get("retryAfterMillis"), denied.get("deniedBy")));
    }

    @Test
    void aResetActsOnTheNextRequestAndOnNobodyElse() {
        assertEquals(List.of(200, 200, 200, 429), get("/shop/a", 4, "X-User", "alice"));
        assertEquals(List.of(200, 200, 200, 429), get("/shop/a", 4, "X-User", "bob"));
        assertEquals(3, post("reset", Map.of("policy", "orders", "key", "alice")).get("remaining"));
        assertEquals(List.of(200, 200, 200, 429), get("/shop/a", 4, "X-User", "alice"));
        assertEquals(List.of(429), get("/shop/a", 1, "X-User", "bob"));
    }

    @Test
    void aBlockActsOnTheNextRequestUntilItsTimeIsOver() {
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
    void aBlockIsLifted() {
        post("block", Map.of("policy", "orders", "key", "alice", "duration", "1d"));
        assertEquals(List.of(429), get("/shop/a", 1, "X-User", "alice"));
        assertEquals(true, post("unblock", Map.of("policy", "orders", "key", "alice")).get("allowed"));
        assertEquals(List.of(200), get("/shop/a", 1, "X-User", "alice"));
    }

    @Test
    void aKeyWithNumbersOfItsOwnIsToldByThem() {
        Map<String, Object> vip = post("peek", Map.of("policy", "orders", "key", "vip"));
        assertEquals(List.of(List.of("5/min"), 5), List.of(vip.get("limits"), vip.get("remaining")));
    }

    @Test
    void whoIsCountedByAddressIsMeantByIt() {
        assertEquals(List.of(200, 200, 429), get("/hello", 3));
        String hello = Routes.class.getName() + ".hello()";
        assertEquals(0, post("peek", Map.of("policy", hello, "key", "127.0.0.1")).get("remaining"));
        assertEquals(0, post("peek", Map.of("policy", hello, "address", "::ffff:7f00:1")).get("remaining"));
        post("reset", Map.of("policy", hello, "address", "127.0.0.1"));
        assertEquals(List.of(200), get("/hello", 1));

        assertEquals(List.of(200), get("/shop/a", 1), "without a user, the address stands in");
        assertEquals(2, post("peek", Map.of("policy", "orders", "address", "127.0.0.1")).get("remaining"));
        assertEquals(3, post("peek", Map.of("policy", "orders", "key", "127.0.0.1")).get("remaining"), "a user of that name");
    }

    @Test
    void theSameKeyIsMeantAsOfARequestWhateverItsTemplate() {
        get("/two/7", 1, "X-Tenant", "acme");
        assertEquals(0, post("peek", Map.of("policy", "two",
                "key", Map.of("header:X-Tenant", "acme", "path:id", "7"))).get("remaining"));
        assertEquals(1, post("peek", Map.of("policy", "two",
                "key", Map.of("header:X-Tenant", "acme", "path:id", "8"))).get("remaining"));
        get("/two/7", 1);
        assertEquals(0, post("peek", Map.of("policy", "two",
                "key", Map.of("path:id", "7"), "address", "127.0.0.1")).get("remaining"));

        get("/token", 1, "Authorization", "Bearer abc");
        assertEquals(0, post("peek", Map.of("policy", "token", "key", "abc")).get("remaining"));
        get("/everybody", 1);
        assertEquals(0, post("peek", Map.of("policy", "everybody")).get("remaining"));
        mails.send("ann");
        assertEquals(0, post("peek", Map.of("policy", "mails", "key", "ann")).get("remaining"));
        limiter.acquire(policies.get("jobs"), "@nightly", 2);
        assertEquals(0, post("peek", Map.of("policy", "jobs", "key", "@nightly")).get("remaining"));
    }

    @Test
    void ofSeveralTemplatesTheMeantOneIsNamed() {
        get("/either/by-user", 1, "X-User", "alice");
        Map<String, Object> ask = Map.of("policy", "either", "key", "alice");
        HttpResponse<Map<String, Object>> refused = exchange("peek", ask);
        assertEquals(400, refused.code());
        assertEquals("The policy \"either\" has the keys {header:X-Tenant} and {header:X-User}; write the one you mean as "
                + "\"template\".", message(refused));
        assertEquals(0, post("peek", Map.of("policy", "either", "key", "alice", "template", "{header:X-User}"))
                .get("remaining"));
        assertEquals(1, post("peek", Map.of("policy", "either", "key", "bob", "template", "{header:X-User}"))
                .get("remaining"));
    }

    @Test
    void whoIsBlockedMostIsToldByHash() {
        get("/shop/a", 5, "X-User", "mallory@example.com");
        get("/shop/a", 4, "X-User", "eve@example.com");
        List<?> top = (List<?>) overview().get("topBlocked");
        assertEquals(List.of(List.of("orders", KeyHash.of("mallory@example.com")),
                List.of("orders", KeyHash.of("eve@example.com"))),
                top.stream().map(Map.class::cast).map(hitter -> List.of(hitter.get("policy"), hitter.get("keyHash"))).toList());
    }

    @Test
    void noAnswerHasARawIdentity() {
        get("/shop/a", 4, "X-User", "mallory@example.com");
        List<String> answers = new ArrayList<>();
        answers.add(client.toBlocking().retrieve("/ratelimits"));
        for (String action : List.of("peek", "reset", "block", "unblock", "destroy")) {
            answers.add(raw(action, Map.of("policy", "orders", "key", "mallory@example.com", "duration", "1m")));
            answers.add(raw(action, Map.of("policy", "orders", "key", "mallory@example.com")));
            answers.add(raw(action, Map.of("policy", "none", "key", "mallory@example.com")));
            answers.add(raw(action, Map.of("policy", "two", "key", "mallory@example.com")));
            answers.add(raw(action, Map.of("policy", Routes.class.getName() + ".hello()", "key", "mallory@example.com")));
        }
        for (String answer : answers) {
            assertFalse(answer.contains("mallory"), answer);
            assertFalse(answer.contains("vip"), answer);
        }
        assertTrue(answers.get(0).contains(KeyHash.of("mallory@example.com")));
    }

    @Test
    void anUnknownPolicyOrActionIsNotFound() {
        HttpResponse<Map<String, Object>> policy = exchange("peek", Map.of("policy", "none", "key", "alice"));
        assertEquals(404, policy.code());
        assertTrue(message(policy).startsWith("There is no policy \"none\"; write one of [either, everybody, "),
                message(policy));
        HttpResponse<Map<String, Object>> action = exchange("destroy", Map.of("policy", "orders", "key", "alice"));
        assertEquals(404, action.code());
        assertEquals("There is no action \"destroy\"; POST to peek, reset, block or unblock.", message(action));
    }

    @ParameterizedTest
    @ValueSource(strings = {"soon", "", "-1m", "0s", "400d", "10", "9999999999999d"})
    void aWrongDurationIsABadRequest(String duration) {
        HttpResponse<Map<String, Object>> refused =
                exchange("block", Map.of("policy", "orders", "key", "alice", "duration", duration));
        assertEquals(400, refused.code());
        assertEquals("duration = \"" + duration + "\" is no time from now on of 366 days at most; write one like \"30s\", "
                + "\"10m\", \"2h\" or \"1d\".", message(refused));
        assertEquals(List.of(200), get("/shop/a", 1, "X-User", "alice"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{} | \"policy\" is missing; write one of [",
        "{\"policy\": \"orders\"} | What stands for {header:X-User} in the key \"{header:X-User}\" is missing; ",
        "{\"policy\": \"orders\", \"key\": \"\"} | What stands for {header:X-User} in the key",
        "{\"policy\": \"orders\", \"key\": \"a\", \"address\": \"10.0.0.1\"} | The key \"{header:X-User}\" is known without",
        "{\"policy\": \"orders\", \"key\": [\"a\"]} | \"key\" is no text; ",
        "{\"policy\": \"orders\", \"key\": {\"header:X-Tenant\": \"a\"}} | The key \"{header:X-User}\" has no {header:X-Tenant}",
        "{\"policy\": \"orders\", \"key\": {\"wrong\": \"a\"}} | \"{wrong}\": unknown placeholder",
        "{\"policy\": \"orders\", \"kye\": \"a\"} | There is no field \"kye\" here; write [address, key, policy, template]",
        "{\"policy\": \"orders\", \"key\": \"a\", \"duration\": \"1m\"} | There is no field \"duration\" here; ",
        "{\"policy\": \"orders\", \"key\": \"a\", \"template\": \"{ip}\"} | template = \"{ip}\": The policy \"orders\" has the key {hea",
        "{\"policy\": \"everybody\", \"key\": \"a\"} | The key \"{global}\" is the same for everybody; leave out \"key\".",
        "{\"policy\": \"everybody\", \"address\": \"10.0.0.1\"} | The key \"{global}\" is known without an address; leave it out.",
        "{\"policy\": \"two\", \"key\": \"a\"} | The key \"{header:X-Tenant}/{path:id}\" has several placeholders; ",
        "{\"policy\": \"two\", \"key\": {\"path:id\": \"7\"}} | What stands for {header:X-Tenant} in the key",
        "{\"policy\": \"orders\", \"address\": \"10.0.0.0/8\"} | This is no address; ",
        "{\"policy\": \"jobs\"} | Whom the policy \"jobs\" limits is not said by a template; ",
    })
    void whatCannotBeMeantIsABadRequestInOneSentence(String body, String message) {
        HttpResponse<Map<String, Object>> refused = exchange("peek", body);
        assertEquals(400, refused.code());
        assertTrue(message(refused).startsWith(message), message(refused));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "null", "17", "\"text\"", "{\"policy\":", "{\"policy\": null}",
        "{\"policy\": {\"a\": 1}}", "{\"policy\": 1, \"key\": true}"})
    void whateverIsSentIsNoServerError(String body) {
        int status = exchange("peek", body).code();
        assertTrue(status >= 400 && status < 500, body + ": " + status);
    }

    private Map<String, Object> overview() {
        return client.toBlocking().retrieve(HttpRequest.GET("/ratelimits"), JSON);
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> policy(String name) {
        return (Map<String, Object>) ((Map<String, Object>) overview().get("policies")).get(name);
    }

    private Map<String, Object> post(String action, Map<String, Object> body) {
        HttpResponse<Map<String, Object>> answer = exchange(action, body);
        assertEquals(200, answer.code(), () -> message(answer));
        return answer.getBody().orElseThrow();
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

    private static String message(HttpResponse<Map<String, Object>> refused) {
        Map<String, Object> body = refused.getBody(JSON).orElseThrow();
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
        void send(String recipient) {
        }
    }
}
