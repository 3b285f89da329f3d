package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import io.micronaut.security.rules.SecurityRule;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Policies with cases on routes and paths, exempt clients, and limits that are unlimited or deny. */
class CasesTest {

    private static TestServer start(String yaml) throws IOException {
        Map<String, Object> properties = new HashMap<>(new YamlPropertySourceLoader()
                .read("limits", ("ratelimit:\n  backend: counting\n" + yaml).getBytes(StandardCharsets.UTF_8)));
        properties.put("micronaut.security.enabled", "true");
        properties.put("micronaut.security.reject-not-found", "false");
        return TestServer.start(CasesTest.class, properties);
    }

    private static int storeCalls(TestServer server) {
        return server.context().getBean(CountingBackend.class).calls.get();
    }

    private static List<String> blocked(TestServer server) {
        return List.copyOf(server.context().getBean(Blocked.class).policies);
    }

    /** The texts of cases are maps to YAML unless they have quotation marks. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                """
                      cases:
                        - anonymous: 2/h by {ip}
                        - role:Gold: 6/h by {principal}
                        - authenticated: 4/h by {principal}
                """,
                """
                      cases:
                        - "anonymous: 2/h by {ip}"
                        - "role:Gold: 6/h by {principal}"
                        - "authenticated: 4/h by {principal}"
                """,
                """
                      key: "{principal}"
                      cases:
                        - { when: anonymous, limits: [2/h], key: "{ip}" }
                        - { when: ["authenticated", "role:Gold"], limits: 6/h }
                        - { when: otherwise, limits: 4/h }
                """,
                """
                      key: "{principal}"
                      limits: 4/h
                      cases:
                        - { when: anonymous, limits: 2/h, key: "{ip}" }
                        - when: role:Gold
                          limits: 6/h
                """
            })
    void eachClientHasPermitsOfItsCase(String cases) throws IOException {
        try (TestServer server = start("  policies:\n    api:\n" + cases)) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 200, 429), calls.get("/api", 5, "X-User", "alice"));
            assertEquals(
                    List.of(200, 200, 200, 200, 200, 200, 429),
                    calls.get("/api", 7, "X-User", "bob", "X-Roles", "Gold,staff"));
            assertEquals(List.of(200, 200, 429), calls.get("/api", 3), "signed-in requests cost the address nothing");
            assertEquals(
                    200, calls.get("/api", "X-User", "carol", "X-Roles", "gold").code());
            HttpResponse<?> denied = calls.get("/api");
            assertEquals("\"api\";q=2;w=3600", denied.header("RateLimit-Policy"), "clients see the name of the policy");
            assertEquals("\"api\";r=0;t=1800", denied.header("RateLimit"));
            assertEquals(
                    "\"api\";q=6;w=3600",
                    calls.get("/api", "X-User", "bob", "X-Roles", "Gold").header("RateLimit-Policy"));
            assertTrue(denied.getBody(String.class).orElseThrow().contains("\"violated-policies\":[\"api\"]"));
            assertTrue(blocked(server).contains("api:anonymous"), "listeners see the case");
        }
    }

    @Test
    void casesWithSameKeyHaveSeparateCounters() throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api:
                      cases: ["method:POST: 1/h by {ip}", "path:/api/admin/**: 2/h by {ip}", "otherwise: 3/h by {ip}"]
                """)) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 429), calls.get("/api", 4));
            assertEquals(200, calls.post("/api"));
            assertEquals(429, calls.post("/api"));
            assertEquals(List.of(200, 200, 429), calls.get("/api/admin", 3));
        }
    }

    @Test
    void headerChoosesCase() throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api:
                      key: "{header:X-Customer}"
                      cases: ["header:X-Plan=pro: 3/h", "header:X-Plan: 2/h"]
                      limits: 1/h
                """)) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 429), calls.get("/api", 4, "X-Customer", "acme", "X-Plan", "pro"));
            assertEquals(List.of(200, 200, 429), calls.get("/api", 3, "X-Customer", "acme", "X-Plan", "team"));
            assertEquals(List.of(200, 429), calls.get("/api", 2, "X-Customer", "acme"));
            assertEquals(List.of(200, 429), calls.get("/api", 2, "X-Customer", "other"));
        }
    }

    @Test
    void rolesAndClaimsAreKeys() throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api: { limits: 1/h, key: "{claim:tenant}" }
                    role: { limits: 1/h, key: "{role}" }
                  rules:
                    - { path: /by-role, policy: role }
                """)) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 429), calls.get("/api", 2, "X-User", "alice", "X-Tenant", "acme"));
            assertEquals(
                    429, calls.get("/api", "X-User", "bob", "X-Tenant", "acme").code());
            assertEquals(
                    200, calls.get("/api", "X-User", "bob", "X-Tenant", "other").code());
            assertEquals(List.of(200, 429), calls.get("/api", 2, "X-User", "bob"), "by address without the claim");
            assertEquals(429, calls.get("/api", "X-Tenant", "forged").code(), "a client cannot choose its claims");
            assertEquals(List.of(404, 429), calls.get("/by-role", 2, "X-User", "alice", "X-Roles", "a,b"));
            assertEquals(
                    429,
                    calls.get("/by-role", "X-User", "bob", "X-Roles", "b,a").code(),
                    "order does not matter");
            assertEquals(
                    404, calls.get("/by-role", "X-User", "bob", "X-Roles", "b").code());
            assertEquals(404, calls.get("/by-role").code());
            assertEquals(429, calls.get("/by-role", "X-User", "carol").code(), "a user without roles has an address");
        }
    }

    @Test
    void claimChoosesCase() throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api:
                      cases: ["claim:tenant=acme: 2/h by {claim:tenant}"]
                      limits: 1/h
                """)) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 429), calls.get("/api", 3, "X-User", "alice", "X-Tenant", "acme"));
            assertEquals(List.of(200, 429), calls.get("/api", 2, "X-User", "alice", "X-Tenant", "other"));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "10.0.0.0/8 | '' | X-Forwarded-For | 10.0.0.1 | false",
                "10.0.0.0/8 | '' | Forwarded | for=10.0.0.1 | false",
                "127.0.0.0/8 | '' | X-Forwarded-For | 203.0.113.5 | true",
                "10.0.0.0/8 | 127.0.0.1 | X-Forwarded-For | 10.0.0.1 | true",
                "10.0.0.0/8 | 127.0.0.1 | X-Forwarded-For | 10.0.0.1, 203.0.113.5 | false",
                "10.0.0.0/8 | 127.0.0.1 | X-Forwarded-For | 203.0.113.5, 10.0.0.1 | true",
                "10.0.0.0/8 | 127.0.0.1 | Forwarded | for=10.0.0.1;proto=https, for=203.0.113.5 | false",
                "10.0.0.0/8 | 127.0.0.1 | X-Real-IP | 10.0.0.1 | false",
                "2001:db8::/32 | 127.0.0.1 | X-Forwarded-For | 2001:db8:7::1 | true",
                "2001:db8::/32 | 127.0.0.1 | X-Forwarded-For | 2001:db9::1 | false",
                "10.0.0.0/8 | 127.0.0.1 | X-Forwarded-For | ::ffff:10.0.0.9 | true",
                "10.0.0.0/8 | 127.0.0.1 | X-Forwarded-For | 10.0.0.1:4711 | true",
                "10.0.0.0/8 | 127.0.0.1 | X-Forwarded-For | 10.0.0.1.example.com | false"
            })
    void onlyRealAddressIsExempt(String range, String proxies, String header, String value, boolean exempt)
            throws IOException {
        String trusted = proxies.isEmpty() ? "" : "  trusted-proxies: " + proxies + "\n";
        String yaml = trusted + "  policies:\n    api: { limits: 1/h, exempt: [\"" + range + "\"] }\n";
        try (TestServer server = start(yaml)) {
            Calls calls = server.calls();
            List<Integer> statuses = calls.get("/api", 3, header, value);
            assertEquals(exempt ? List.of(200, 200, 200) : List.of(200, 429, 429), statuses);
            HttpResponse<?> response = calls.get("/api", header, value);
            if (exempt) {
                assertEquals(0, storeCalls(server));
                assertNull(response.header("RateLimit"));
                assertNull(response.header("RateLimit-Policy"));
            } else {
                assertTrue(storeCalls(server) > 0);
                assertEquals("\"api\";q=1;w=3600", response.header("RateLimit-Policy"));
            }
        }
    }

    @Test
    void exemptClientHasHeadersOfOtherLimitsOnly() throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api: { limits: 1/h, exempt: 127.0.0.1 }
                    rule: { limits: 2/h }
                  rules:
                    - { path: /api, policy: rule }
                """)) {
            HttpResponse<?> response = server.calls().get("/api");
            assertEquals("\"rule\";q=2;w=3600", response.header("RateLimit-Policy"));
            assertEquals("\"rule\";r=1;t=1800", response.header("RateLimit"));
            assertEquals(List.of(200, 429), server.calls().get("/api", 2));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "cases: [\"ip:127.0.0.1: unlimited\"], limits: 1/h",
                "cases: [\"otherwise: unlimited\"]",
                "cases: [\"anonymous: UNLIMITED\", \"authenticated: deny\"]",
                "limits: 1/h, overrides: [{ key: 127.0.0.1, limits: unlimited }]"
            })
    void unlimitedMakesNoStoreCall(String policy) throws IOException {
        try (TestServer server = start("  policies:\n    api: { " + policy + " }\n")) {
            assertEquals(List.of(200, 200, 200), server.calls().get("/api", 3));
            assertNull(server.calls().get("/api").header("RateLimit-Policy"));
            assertEquals(0, storeCalls(server));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "cases: [\"ip:127.0.0.0/8: deny\"], limits: 9/h",
                "cases: [\"anonymous: deny\", \"otherwise: unlimited\"]",
                "limits: 9/h, overrides: [{ key: 127.0.0.1, limits: deny }]",
                "limits: 9/h, overrides: [{ key: 127.0.0.1, limits: [Deny] }]"
            })
    void denyMakesNoStoreCall(String policy) throws IOException {
        try (TestServer server = start("  policies:\n    api: { " + policy + " }\n")) {
            HttpResponse<?> denied = server.calls().get("/api");
            assertEquals(429, denied.code());
            assertNull(denied.header("Retry-After"), "no later request passes");
            assertNull(denied.header("RateLimit"));
            assertNull(denied.header("RateLimit-Policy"));
            assertEquals("no-store", denied.header("Cache-Control"));
            String body = denied.getBody(String.class).orElseThrow();
            assertTrue(body.contains("\"detail\":\"This request is not allowed.\""), body);
            assertTrue(body.contains("\"violated-policies\":[\"api\"]"), body);
            assertEquals(0, storeCalls(server));
            assertEquals(1, blocked(server).size(), "listeners receive the denial");
        }
    }

    @Test
    void denialByCaseCostsOtherLimitsNothing() throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api: { cases: ["header:X-Bad: deny", "role:banned: deny"], limits: 9/h }
                    rule: { limits: 2/h }
                  rules:
                    - { path: /api, policy: rule }
                """)) {
            Calls calls = server.calls();
            assertEquals(List.of(429, 429, 429), calls.get("/api", 3, "X-Bad", "1"));
            assertEquals(List.of(429, 429), calls.get("/api", 2, "X-User", "eve", "X-Roles", "banned"));
            assertEquals(List.of(200, 200, 429), calls.get("/api", 3));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "mode: shadow, cases: [\"header:X-Bad: deny\", \"anonymous: 1/h\"], limits: 1/h",
                "mode: shadow, limits: 1/h, overrides: [{ key: 127.0.0.1, limits: deny }]"
            })
    void policyInShadowModeDeniesNoCase(String policy) throws IOException {
        try (TestServer server = start("  policies:\n    api: { " + policy + " }\n")) {
            assertEquals(List.of(200, 200, 200), server.calls().get("/api", 3));
            assertEquals(List.of(200, 200), server.calls().get("/api", 2, "X-Bad", "1"));
            assertNull(server.calls().get("/api").header("RateLimit-Policy"));
        }
    }

    @Test
    void rejectedLoginsCountOnlyBesideCases() throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api: { cases: ["anonymous: 2/h by {ip}", "authenticated: 4/h by {principal}"] }
                    failed-logins: { limits: 3/h, charge-on: 401 }
                  rules:
                    - { path: /secret/**, policy: failed-logins }
                """)) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200), calls.get("/secret/page", 2, "X-User", "alice"));
            assertEquals(List.of(401, 401, 401, 429), calls.get("/secret/page", 4), "401 is charged by the rule");
            assertEquals(List.of(200, 200, 429), calls.get("/api", 3), "and not by the case");
        }
    }

    @Test
    void timeOfDayChoosesCase() throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api: { cases: ["time:00:00-01:00 UTC: 3/h"], limits: 1/h }
                """)) {
            VirtualClock clock = (VirtualClock) server.context().getBean(MicroClock.class);
            assertEquals(List.of(200, 200, 200, 429), server.calls().get("/api", 4));
            clock.advance(Duration.ofMinutes(60));
            assertEquals(List.of(200, 429), server.calls().get("/api", 2));
            clock.advance(Duration.ofHours(23));
            assertEquals(List.of(200, 200, 200, 429), server.calls().get("/api", 4));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/public/../api/admin", "/api/admin/", "/API/admin", "//api/admin", "/api/%61dmin"})
    void anotherNotationOfPathAvoidsNoCase(String path) throws IOException {
        try (TestServer server = start(
                """
                  policies:
                    api: { limits: 99/h }
                    one: { cases: ["path:/public/**: unlimited", "path:/api/admin/**: 1/h", "otherwise: unlimited"] }
                  rules:
                    - { path: /**, policy: one }
                """)) {
            server.calls().get(server.uri("/api/admin"));
            assertEquals(
                    429,
                    server.calls()
                            .get(URI.create(server.uri("/") + path.substring(1)))
                            .code());
            assertEquals(404, server.calls().get("/public/x").code());
        }
    }

    @Singleton
    @Named("counting")
    @Requires(property = "spec", value = "CasesTest")
    static class CountingBackend extends ForwardingBackend {

        private final AtomicInteger calls = new AtomicInteger();

        CountingBackend(MicroClock clock) {
            super(new MemoryBackend(clock, 1_000));
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            calls.incrementAndGet();
            return super.acquire(policy, key, permits);
        }

        @Override
        public boolean isLocal() {
            return false;
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CasesTest")
    static class Blocked implements RateLimitListener {

        private final Queue<String> policies = new ConcurrentLinkedQueue<>();

        @Override
        public void onBlock(RateLimitEvent event) {
            assertFalse(event.decision().allowed());
            policies.add(event.policy().name());
        }

        @Override
        public boolean isInline() {
            return true;
        }
    }

    @Controller
    @Secured(SecurityRule.IS_ANONYMOUS)
    @Requires(property = "spec", value = "CasesTest")
    static class Routes {

        @Get("/api")
        @RateLimit(policy = "api")
        String read() {
            return "ok";
        }

        @Post("/api")
        @RateLimit(policy = "api")
        String write() {
            return "ok";
        }

        @Get("/api/admin")
        @RateLimit(policy = "api")
        String admin() {
            return "ok";
        }

        @Get("/secret/page")
        @Secured(SecurityRule.IS_AUTHENTICATED)
        @RateLimit(policy = "api")
        String secret() {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CasesTest")
    static class Users implements AuthenticationFetcher<HttpRequest<?>> {

        @Override
        public Publisher<Authentication> fetchAuthentication(HttpRequest<?> request) {
            String user = request.getHeaders().get("X-User");
            String roles = request.getHeaders().get("X-Roles");
            String tenant = request.getHeaders().get("X-Tenant");
            return user == null
                    ? Mono.empty()
                    : Mono.just(Authentication.build(
                            user,
                            roles == null ? List.of() : List.of(roles.split(",")),
                            tenant == null ? Map.of() : Map.of("tenant", tenant)));
        }
    }
}
