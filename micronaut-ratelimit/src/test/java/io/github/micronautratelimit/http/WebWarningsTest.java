package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Settings that leave all clients with one key, or keys without protection, are logged with their code. */
class WebWarningsTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "micronaut.server.client-address-header",
                "micronaut.server.host-resolution.host-header",
                "micronaut.server.host-resolution.protocol-header"
            })
    void headerThatOnlyTheServerReadsIsLogged(String property) {
        try (Log log = new Log();
                TestServer server = TestServer.start(WebWarningsTest.class, Map.of(property, "X-Real-IP"))) {
            assertEquals(200, server.calls().get("/limited").code());
            assertEquals(1, log.startingWith("RL033: " + property + " is set").size());
        }
        try (Log log = new Log();
                TestServer server = TestServer.start(
                        WebWarningsTest.class, Map.of(property, "X-Real-IP", "ratelimit.trusted-proxies", "1"))) {
            assertEquals(200, server.calls().get("/limited").code());
            assertEquals(List.of(), log.startingWith("RL033"));
        }
    }

    @Test
    void forwardingHeaderWithoutProxiesIsLogged() {
        try (Log log = new Log();
                TestServer server =
                        TestServer.start(WebWarningsTest.class, Map.of("ratelimit.forwarded-header", "X-Real-IP"))) {
            assertEquals(200, server.calls().get("/limited").code());
            assertEquals(
                    1,
                    log.startingWith("RL033: The forwarding header X-Real-IP is set")
                            .size());
        }
    }

    @Test
    void storeWithoutASecretIsLogged() {
        try (Log log = new Log();
                TestServer server = TestServer.start(WebWarningsTest.class, Map.of("shared", "true"))) {
            assertEquals(200, server.calls().get("/limited").code());
            assertEquals(
                    1, log.startingWith("RL034: Hashes of keys are in shared").size());
        }
        for (Map<String, Object> harmless : List.<Map<String, Object>>of(
                Map.of(), Map.of("shared", "true", "ratelimit.secret", "a secret of some length"))) {
            try (Log log = new Log();
                    TestServer server = TestServer.start(WebWarningsTest.class, harmless)) {
                assertEquals(200, server.calls().get("/limited").code());
                assertEquals(List.of(), log.startingWith("RL034"), harmless::toString);
            }
        }
    }

    @Test
    void uncountedProxyIsLoggedWithoutAddresses() {
        try (Log log = new Log();
                TestServer server = TestServer.start(WebWarningsTest.class, Map.of("ratelimit.trusted-proxies", "1"))) {
            for (int i = 0; i < 100; i++) {
                server.calls().get("/limited", "X-Forwarded-For", "203.0." + i + ".7, 198.51.100.1");
            }
            assertEquals(1, log.startingWith("RL031").size());
            assertTrue(log.lines().stream().noneMatch(line -> line.contains("198.51.100") || line.contains("203.0.")));
        }
    }

    @Test
    void severalLinesOfAcceptAreOneList() {
        try (TestServer server = TestServer.start(WebWarningsTest.class, Map.of())) {
            assertEquals(
                    200, server.calls().get("/text", "Accept", "text/plain").code());
            HttpResponse<?> denied = server.calls()
                    .exchange(HttpRequest.GET("/text")
                            .header("Accept", "application/problem+json;Q=0")
                            .header("Accept", "text/plain;q=0.9"));
            assertEquals(429, denied.code());
            assertEquals("text/plain", denied.getContentType().orElseThrow().getName());
        }
    }

    @Controller
    @Requires(property = "spec", value = "WebWarningsTest")
    static class Routes {

        @Get(value = "/text", produces = "text/plain")
        @RateLimit("1/min")
        String text() {
            return "ok";
        }

        @Get("/limited")
        @RateLimit("1/min")
        String limited() {
            return "ok";
        }
    }

    /** A backend as of a store that other processes read. */
    @Singleton
    @Named("shared")
    @Requires(property = "shared", value = "true")
    static class SharedBackend implements RateLimitBackend {

        private static final Decision ALLOWED = new Decision.Allowed(1, 0, Decision.Source.STORE);

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return CompletableFuture.completedFuture(ALLOWED);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return CompletableFuture.completedFuture(ALLOWED);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return CompletableFuture.completedFuture(null);
        }
    }
}
