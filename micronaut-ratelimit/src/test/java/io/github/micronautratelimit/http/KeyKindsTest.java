package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.key.RateLimitKeyResolver;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.PathVariable;
import io.micronaut.http.annotation.QueryValue;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A policy that is used with several keys counts the values of each placeholder apart; one value has one key. */
class KeyKindsTest {

    private static Map<String, Object> properties() {
        Map<String, Object> properties = new HashMap<>();
        properties.put("ratelimit.policies.mix.limits", "2/h");
        properties.put("ratelimit.rules[0].path", "/by-rule");
        properties.put("ratelimit.rules[0].policy", "mix");
        properties.put("ratelimit.rules[0].key", "{api-key}");
        properties.put("ratelimit.silence", "RL005");
        return properties;
    }

    @ParameterizedTest
    @CsvSource({
        "/by-header, X-Tenant",
        "/by-cookie, Cookie",
        "/by-query, query",
        "/by-expression, query",
        "/by-bean, X-Bean",
        "/by-rule, X-API-Key",
    })
    void clientCannotUseUpThePermitsOfAnAddress(String path, String where) {
        try (TestServer server = TestServer.start(KeyKindsTest.class, properties())) {
            Calls calls = server.calls();
            for (String imitation : List.of("127.0.0.1", "@127.0.0.1", "=127.0.0.1", "{ip}127.0.0.1")) {
                String encoded =
                        imitation.replace("{", "%7B").replace("}", "%7D").replace("=", "%3D");
                String target = where.equals("query") ? path + "?tenant=" + encoded : path;
                String name = where.equals("query") ? "X-Unused" : where;
                String value = where.equals("Cookie") ? "tenant=" + imitation : imitation;
                assertEquals(List.of(200, 200, 429), calls.get(target, 3, name, value), imitation);
            }
            assertEquals(List.of(200, 200, 429), calls.get("/by-address", 3), "the address has its own permits");
        }
    }

    @Test
    void codeUsesTheKeyOfAUser() {
        try (TestServer server = TestServer.start(KeyKindsTest.class, properties())) {
            RateLimiter limiter = server.context().getBean(RateLimiter.class);
            PolicyRegistry policies = server.context().getBean(PolicyRegistry.class);
            server.calls().get("/by-address", 1);
            assertEquals(
                    1, limiter.peek(policies.get("mix"), "{ip}127.0.0.1", 0).remaining());
            server.calls().get("/by-header", 1, "X-Tenant", "acme");
            assertEquals(
                    1,
                    limiter.peek(policies.get("mix"), "{header:x-tenant}acme", 0)
                            .remaining());
            assertEquals(2, limiter.peek(policies.get("mix"), "acme", 0).remaining());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "/number/, 7, 07, 0000007, %EF%BC%97, %D9%A7, 007",
        "/query?number=, 7, 07, 0000007, %EF%BC%97, %D9%A7, %2B7",
    })
    void numberHasOneKeyInAnySpelling(
            String path, String number, String second, String third, String fourth, String fifth, String sixth) {
        try (TestServer server = TestServer.start(KeyKindsTest.class, properties())) {
            Calls calls = server.calls();
            assertEquals(200, calls.get(server.uri(path + number)).code());
            assertEquals(200, calls.get(server.uri(path + second)).code());
            for (String spelling : List.of(number, second, third, fourth, fifth, sixth)) {
                assertEquals(429, calls.get(server.uri(path + spelling)).code(), spelling);
            }
            assertEquals(200, calls.get(server.uri(path + "8")).code());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"6f9619ff-8b86-d011-b42d-00cf4fc964ff", "6F9619FF-8B86-D011-B42D-00CF4FC964FF"})
    void identifierHasOneKeyInAnySpelling(String first) {
        try (TestServer server = TestServer.start(KeyKindsTest.class, properties())) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200), calls.get("/uuid/" + first, 2));
            assertEquals(List.of(429), calls.get("/uuid/" + first.toLowerCase(Locale.ROOT), 1));
            assertEquals(List.of(429), calls.get("/uuid/" + first.toUpperCase(Locale.ROOT), 1));
        }
    }

    @Test
    void textKeepsItsSpelling() {
        try (TestServer server = TestServer.start(KeyKindsTest.class, properties())) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 429), calls.get("/text/7", 3));
            assertEquals(List.of(200, 200, 429), calls.get("/text/07", 3));
            assertEquals(List.of(400, 400, 429), calls.get("/number/many", 3), "no number, so the text");
        }
    }

    @Controller
    @Requires(property = "spec", value = "KeyKindsTest")
    static class Routes {

        @Get("/by-address")
        @RateLimit(policy = "mix", key = "{ip}")
        String byAddress() {
            return "ok";
        }

        @Get("/by-header")
        @RateLimit(policy = "mix", key = "{header:X-Tenant}")
        String byHeader() {
            return "ok";
        }

        @Get("/by-cookie")
        @RateLimit(policy = "mix", key = "{cookie:tenant}")
        String byCookie() {
            return "ok";
        }

        @Get("/by-query")
        @RateLimit(policy = "mix", key = "{query:tenant}")
        String byQuery() {
            return "ok";
        }

        @Get("/by-expression")
        @RateLimit(policy = "mix", key = "#{ tenant }")
        String byExpression(@QueryValue String tenant) {
            return "ok";
        }

        @Get("/by-bean")
        @RateLimit(policy = "mix", key = "{bean:tenant}")
        String byBean() {
            return "ok";
        }

        @Get("/by-rule")
        String byRule() {
            return "ok";
        }

        @Get("/number/{id}")
        @RateLimit(policy = "mix", key = "{path:id}")
        String number(Long id) {
            return "ok";
        }

        @Get("/query")
        @RateLimit(policy = "mix", key = "{query:number}")
        String query(@QueryValue("number") int id) {
            return "ok";
        }

        @Get("/uuid/{id}")
        @RateLimit(policy = "mix", key = "{path:id}")
        String uuid(@PathVariable("id") UUID identifier) {
            return "ok";
        }

        @Get("/text/{id}")
        @RateLimit(policy = "mix", key = "{path:id}")
        String text(String id) {
            return "ok";
        }
    }

    @Singleton
    @Named("tenant")
    @Requires(property = "spec", value = "KeyKindsTest")
    static class TenantKey implements RateLimitKeyResolver {

        @Override
        public Optional<String> resolve(HttpRequest<?> request) {
            return Optional.ofNullable(request.getHeaders().get("X-Bean"));
        }
    }
}
