package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyResolver;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.PathVariable;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The dry run says what real requests get, and charges nothing. */
class DryRunTest {

    private static final Argument<Map<String, Object>> JSON = Argument.mapOf(String.class, Object.class);
    private static final Argument<Map<String, Object>> ERROR = JSON;

    private static EmbeddedServer server;
    private static HttpClient client;

    @Controller("/dry")
    @Requires(property = "dry", value = "true")
    static class Routes {

        @Get("/annotated/{id}")
        @RateLimit(value = "2/h fixed", key = "{path:id}")
        String annotated(@PathVariable String id) {
            return id;
        }

        @Get("/arguments/{id}")
        @RateLimit(value = "2/h fixed", key = "#{id}")
        String arguments(@PathVariable String id) {
            return id;
        }

        @Get("/two")
        String two() {
            return "";
        }

        @Get("/cases")
        String cases() {
            return "";
        }

        @Get("/slots")
        String slots() {
            return "";
        }

        @Get("/plans")
        String plans() {
            return "";
        }

        @Get("/none")
        String none() {
            return "";
        }
    }

    @Singleton
    @Requires(property = "dry", value = "true")
    static class Plans implements PolicyResolver {

        @Override
        public Policy resolve(Policy policy, String key, @Nullable HttpRequest<?> request) {
            boolean gold = request != null && "gold".equals(request.getHeaders().get("X-Plan"));
            return gold && policy.name().equals("plans")
                    ? policy.withLimits(Policy.of("p", "9/h fixed").rateLimits())
                    : policy;
        }
    }

    @BeforeAll
    static void start() {
        Map<String, Object> all = new HashMap<>();
        all.put("dry", "true");
        all.put("endpoints.ratelimits.sensitive", "false");
        all.put("endpoints.ratelimits.write-sensitive", "false");
        all.put("ratelimit.trusted-proxies", "10.0.0.0/8");
        all.put("ratelimit.silence", "RL002");
        all.put("ratelimit.policies.header.limits", List.of("3/h fixed", "5/day fixed"));
        all.put("ratelimit.policies.header.key", "{header:X-User}");
        all.put("ratelimit.policies.header.overrides[0].key", "vip");
        all.put("ratelimit.policies.header.overrides[0].limits", "unlimited");
        all.put("ratelimit.policies.header.overrides[1].key", "bad");
        all.put("ratelimit.policies.header.overrides[1].limits", "deny");
        all.put("ratelimit.policies.address.limits", "4/h fixed");
        all.put("ratelimit.policies.address.key", "{ip}");
        all.put("ratelimit.policies.trial.limits", "1/h fixed");
        all.put("ratelimit.policies.trial.key", "{global}");
        all.put("ratelimit.policies.trial.mode", "shadow");
        all.put("ratelimit.policies.api.exempt", "192.0.2.0/24");
        all.put(
                "ratelimit.policies.api.cases",
                List.of("role:gold: 50/h by {principal}", "anonymous: 6/h by {ip}", "otherwise: 20/h by {principal}"));
        all.put("ratelimit.policies.slots.limits", "2 concurrent");
        all.put("ratelimit.policies.slots.key", "{global}");
        all.put("ratelimit.policies.plans.limits", "1/h fixed");
        all.put("ratelimit.policies.plans.key", "{header:X-User}");
        rule(all, 0, "/dry/two", "header");
        rule(all, 1, "/dry/two", "address");
        rule(all, 2, "/dry/two", "trial");
        rule(all, 3, "/dry/cases", "api");
        rule(all, 4, "/dry/slots", "slots");
        rule(all, 5, "/dry/plans", "plans");
        server = ApplicationContext.run(EmbeddedServer.class, all, "test");
        client = server.getApplicationContext().createBean(HttpClient.class, server.getURL());
    }

    private static void rule(Map<String, Object> all, int index, String path, String policy) {
        all.put("ratelimit.rules[" + index + "].path", path);
        all.put("ratelimit.rules[" + index + "].policy", policy);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static HttpResponse<Map<String, Object>> exchange(Object body) {
        try {
            return client.toBlocking().exchange(HttpRequest.POST("/ratelimits/dry-run", body), JSON, ERROR);
        } catch (HttpClientResponseException e) {
            @SuppressWarnings("unchecked")
            HttpResponse<Map<String, Object>> response = (HttpResponse<Map<String, Object>>) e.getResponse();
            return response;
        }
    }

    private static Map<String, Object> dryRun(Map<String, Object> body) {
        HttpResponse<Map<String, Object>> response = exchange(body);
        assertEquals(200, response.code(), () -> String.valueOf(response.getBody(String.class)));
        return response.body();
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> limits(Map<String, Object> map) {
        return (List<Map<String, Object>>) map.get("limits");
    }

    private static int status(MutableHttpRequest<?> request) {
        try {
            return client.toBlocking().exchange(request).code();
        } catch (HttpClientResponseException e) {
            return e.code();
        }
    }

    @Test
    void eachLimitOfARequestIsListedAndNothingIsCharged() {
        Map<String, Object> body =
                Map.of("path", "/dry/two?page=1", "headers", Map.of("X-User", "ann"), "address", "203.0.113.7");
        for (int i = 0; i < 10; i++) {
            assertEquals("allowed", dryRun(body).get("decision"));
        }
        assertEquals(200, status(HttpRequest.GET("/dry/two").header("X-User", "ann")));
        Map<String, Object> result = dryRun(body);
        assertEquals(Routes.class.getName() + ".two", result.get("route"));
        List<Map<String, Object>> limits = limits(result);
        assertEquals(3, limits.size());
        Map<String, Object> header = limits.get(0);
        assertEquals("ratelimit.rules[0]: /dry/two", header.get("appliesBy"));
        assertEquals("before authentication", header.get("stage"));
        assertEquals("{header:X-User}", header.get("keyTemplate"));
        assertEquals("header", header.get("policy"));
        assertEquals(KeyHash.of("{header:x-user}ann"), header.get("keyHash"));
        assertEquals("policy", header.get("limitsOf"));
        assertEquals("STORE", header.get("source"));
        assertEquals(1, header.get("permits"));
        List<Map<String, Object>> numbers = limits(header);
        assertEquals("3/h fixed", numbers.get(0).get("limit"));
        assertEquals(1, numbers.get(0).get("used"));
        assertEquals(2, numbers.get(0).get("remaining"));
        assertEquals(4, numbers.get(1).get("remaining"));
        assertEquals(KeyHash.of("{ip}203.0.113.7"), limits.get(1).get("keyHash"));
        assertFalse(result.toString().contains("ann"), result.toString());
    }

    @Test
    void theDenyingLimitIsNamedAsTheRealRequestIsDenied() {
        for (int i = 0; i < 3; i++) {
            assertEquals(200, status(HttpRequest.GET("/dry/two").header("X-User", "eve")));
        }
        assertEquals(429, status(HttpRequest.GET("/dry/two").header("X-User", "eve")));
        Map<String, Object> result =
                dryRun(Map.of("path", "/dry/two", "headers", Map.of("X-User", "eve"), "address", "203.0.113.8"));
        assertEquals("denied", result.get("decision"));
        Map<String, Object> header = limits(result).get(0);
        assertEquals("denied", header.get("decision"));
        assertTrue(header.containsKey("retryAfterMillis"), header.toString());
        assertEquals("denied", limits(header).get(0).get("decision"));
        assertEquals("allowed", limits(header).get(1).get("decision"));
        assertEquals("allowed", limits(result).get(1).get("decision"));
        assertFalse(header.containsKey("reason"));
    }

    /** The policy "trial" is spent by any request, and denies none. */
    @Test
    void shadowModeDeniesNoRequest() {
        status(HttpRequest.GET("/dry/two").header("X-User", "sam"));
        status(HttpRequest.GET("/dry/two").header("X-User", "sue"));
        Map<String, Object> result =
                dryRun(Map.of("path", "/dry/two", "headers", Map.of("X-User", "tom"), "address", "203.0.113.9"));
        Map<String, Object> trial = limits(result).get(2);
        assertEquals("SHADOW", trial.get("mode"));
        assertEquals("denied", trial.get("decision"));
        assertEquals("allowed", result.get("decision"));
    }

    @Test
    void casesAreChosenByTheUser() {
        Map<String, Object> anonymous = dryRun(Map.of("path", "/dry/cases", "address", "203.0.113.7"));
        Map<String, Object> gold = dryRun(
                Map.of("path", "/dry/cases", "address", "203.0.113.7", "principal", "ann", "roles", List.of("gold")));
        Map<String, Object> other = dryRun(Map.of("path", "/dry/cases", "address", "203.0.113.7", "principal", "ann"));
        assertEquals("api:anonymous", limits(anonymous).get(0).get("policy"));
        assertEquals("anonymous", limits(anonymous).get(0).get("case"));
        assertEquals("after authentication", limits(anonymous).get(0).get("stage"));
        assertEquals("50/h", limits(limits(gold).get(0)).get(0).get("limit"));
        assertEquals("role:gold", limits(gold).get(0).get("case"));
        assertEquals(KeyHash.of("ann"), limits(other).get(0).get("keyHash"));
        assertEquals("20/h", limits(limits(other).get(0)).get(0).get("limit"));
    }

    @Test
    void exemptClientsAreNamed() {
        Map<String, Object> result = dryRun(Map.of("path", "/dry/cases", "address", "192.0.2.9"));
        assertEquals("allowed", result.get("decision"));
        assertEquals(
                "The address of the client is exempt.", limits(result).get(0).get("reason"));
    }

    @Test
    void forwardedAddressCountsOnlyBehindATrustedProxy() {
        Map<String, Object> forwarded = Map.of("X-Forwarded-For", "203.0.113.50");
        Map<String, Object> proxied = dryRun(Map.of("path", "/dry/cases", "address", "10.1.2.3", "headers", forwarded));
        Map<String, Object> spoofed =
                dryRun(Map.of("path", "/dry/cases", "address", "203.0.113.60", "headers", forwarded));
        assertEquals(KeyHash.of("{ip}203.0.113.50"), limits(proxied).get(0).get("keyHash"));
        assertEquals(KeyHash.of("{ip}203.0.113.60"), limits(spoofed).get(0).get("keyHash"));
    }

    @Test
    void overridesSayWhyTheyDecide() {
        Map<String, Object> vip =
                limits(dryRun(Map.of("policy", "header", "key", "vip"))).get(0);
        Map<String, Object> bad =
                limits(dryRun(Map.of("policy", "header", "key", "bad"))).get(0);
        assertEquals("configured override", vip.get("limitsOf"));
        assertEquals("allowed", vip.get("decision"));
        assertEquals("denied", bad.get("decision"));
        assertEquals("The override says deny.", bad.get("reason"));
        Map<String, Object> gold = limits(dryRun(Map.of(
                        "path",
                        "/dry/plans",
                        "address",
                        "203.0.113.1",
                        "headers",
                        Map.of("X-User", "kim", "X-Plan", "gold"))))
                .get(0);
        assertEquals("policy resolver", gold.get("limitsOf"));
        assertEquals("9/h fixed", limits(gold).get(0).get("limit"));
        client.toBlocking()
                .exchange(HttpRequest.POST(
                        "/ratelimits/override", Map.of("policy", "plans", "key", "kim", "limits", "7/h fixed")));
        Map<String, Object> set =
                limits(dryRun(Map.of("policy", "plans", "key", "kim"))).get(0);
        assertEquals("operator override of key", set.get("limitsOf"));
        assertEquals("7/h fixed", limits(set).get(0).get("limit"));
    }

    @Test
    void blockIsTheReason() {
        client.toBlocking()
                .exchange(HttpRequest.POST(
                        "/ratelimits/block", Map.of("policy", "header", "key", "joe", "duration", "10m")));
        Map<String, Object> result = dryRun(Map.of("policy", "header", "key", "joe"));
        assertEquals("denied", result.get("decision"));
        assertEquals("The key is blocked.", limits(result).get(0).get("reason"));
    }

    @Test
    void costOfAKeyIsCompared() {
        assertEquals(
                "allowed",
                dryRun(Map.of("policy", "header", "key", "pat", "permits", 3)).get("decision"));
        assertEquals(
                "denied",
                dryRun(Map.of("policy", "header", "key", "pat", "permits", 4)).get("decision"));
    }

    @Test
    void slotsAreListed() {
        Map<String, Object> slots = limits(dryRun(Map.of("path", "/dry/slots"))).get(0);
        assertEquals("allowed", slots.get("decision"));
        assertEquals("2 concurrent", limits(slots).get(0).get("limit"));
        assertEquals(2, limits(slots).get(0).get("remaining"));
    }

    @Test
    void annotationsOfTheRouteApply() {
        Map<String, Object> result = dryRun(Map.of("path", "/dry/annotated/7"));
        Map<String, Object> limit = limits(result).get(0);
        assertTrue(limit.get("appliesBy").toString().startsWith("@RateLimit on"), limit.toString());
        assertEquals(KeyHash.of("{path:id}7"), limit.get("keyHash"));
        Map<String, Object> atCall = dryRun(Map.of("path", "/dry/arguments/7"));
        assertEquals("unknown", atCall.get("decision"));
        assertEquals("call", limits(atCall).get(0).get("stage"));
        Map<String, Object> unlimited = dryRun(Map.of("path", "/dry/none"));
        assertEquals(List.of(), unlimited.get("limits"));
        assertEquals("allowed", unlimited.get("decision"));
        assertFalse(dryRun(Map.of("path", "/nowhere")).containsKey("route"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | Write either \"path\"",
                "{\"path\": \"/dry/two\", \"policy\": \"header\"} | Write either \"path\"",
                "{\"path\": \"dry/two\"} | \"path\" does not begin with one slash",
                "{\"path\": \"//host/two\"} | \"path\" does not begin with one slash",
                "{\"path\": \"/a b\"} | \"path\" is invalid at character 3",
                "{\"path\": \"/dry/two\", \"headers\": {\"X-User\": \"ann\"}} | A limit depends on the client's address",
                "{\"path\": \"/dry/two\", \"address\": \"example.org\"} | \"address\" is invalid",
                "{\"path\": \"/dry/two\", \"address\": \"2001:db8::/64\"} | \"address\" is invalid",
                "{\"path\": \"/dry/two\", \"address\": [1]} | \"address\" is not a string",
                "{\"path\": \"/dry/two\", \"method\": \"G T\"} | \"method\" has a name that HTTP does not allow",
                "{\"path\": \"/dry/two\", \"headers\": \"X-User\"} | \"headers\" is not an object",
                "{\"path\": \"/dry/two\", \"headers\": {\"\": \"x\"}} | \"headers\" has a name that HTTP does not allow",
                "{\"path\": \"/dry/two\", \"headers\": {\"a\": \"x\\r\\ny\"}} | \"headers\" contains a line break",
                "{\"path\": \"/dry/two\", \"headers\": {\"a\": null}} | \"headers\" contains null",
                "{\"path\": \"/dry/two\", \"headers\": {\"a\": {}}} | \"headers\" has a value that is not a string",
                "{\"path\": \"/dry/two\", \"roles\": [\"gold\"]} | \"principal\" is missing",
                "{\"path\": \"/dry/two\", \"principal\": \"\", \"roles\": 7, \"address\": \"::1\", \"x\": 1} | Unknown field \"x\"",
                "{\"policy\": \"header\", \"key\": \"ann\", \"permits\": -1} | permits = \"-1\" is not a whole number",
                "{\"policy\": \"header\", \"key\": \"ann\", \"permits\": \"1e3\"} | permits = \"1e3\" is not a whole",
                "{\"policy\": \"header\"} | The value of {header:X-User} in the key template"
            })
    void badDescriptionIsOneSentence(String body, String message) {
        HttpResponse<Map<String, Object>> rejected = exchange(body);
        assertEquals(400, rejected.code());
        String text = String.valueOf(rejected.body());
        assertTrue(text.contains(message), text);
    }

    @ParameterizedTest
    @CsvSource({"GET", "get", "BREW", "TRACE", "OPTIONS", "CUSTOM"})
    void everyMethodIsDescribed(String method) {
        assertEquals(
                "allowed", dryRun(Map.of("path", "/dry/none", "method", method)).get("decision"));
    }

    @Test
    void pagesOfOtherSitesAreRejected() {
        assertEquals(
                403,
                status(HttpRequest.POST("/ratelimits/dry-run", Map.of("path", "/dry/none"))
                        .header("Sec-Fetch-Site", "cross-site")));
    }

    @Test
    void cookiesAndRepeatedHeadersReachTheLimits() {
        Map<String, Object> result = dryRun(Map.of(
                "path",
                "/dry/two",
                "address",
                "203.0.113.7",
                "headers",
                Map.of("Cookie", List.of("a=1; b=2"), "x-user", List.of("one", "two"))));
        assertEquals(KeyHash.of("{header:x-user}one"), limits(result).get(0).get("keyHash"));
    }
}
