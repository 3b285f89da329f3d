package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.tck.HostileHeaders;
import io.github.micronautratelimit.tck.RawClient;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The address of the client as key, over real connections from 127.0.0.1. */
class ClientAddressTest {

    @Test
    void headersOfUntrustedClientNeitherChangeKeyNorFailRequest() throws IOException {
        try (EmbeddedServer server = start(Map.of())) {
            assertEquals(200, RawClient.status(server.getPort(), "/address"));
            int sent = 0;
            for (String value : HostileHeaders.values()) {
                String line = value.replaceAll("[\0\u0001\u007f]", " ");
                if (line.length() < 4_000) {
                    assertEquals(
                            429,
                            RawClient.status(
                                    server.getPort(), "/address", "X-Forwarded-For: " + line, "Forwarded: " + line),
                            line);
                    sent++;
                }
            }
            assertTrue(sent >= 200, sent + " values");
        }
    }

    @Test
    void addressesBeforeThoseOfProxyDoNotChangeKey() throws IOException {
        try (EmbeddedServer server = start(Map.of("ratelimit.trusted-proxies", "127.0.0.1"))) {
            assertEquals(200, RawClient.status(server.getPort(), "/address", "X-Forwarded-For: 203.0.113.1"));
            assertEquals(200, RawClient.status(server.getPort(), "/address", "Forwarded: for=203.0.113.2"));
            for (String value : HostileHeaders.values()) {
                String line = value.replaceAll("[\0\u0001\u007f]", " ");
                if (line.length() < 4_000) {
                    assertEquals(
                            429,
                            RawClient.status(
                                    server.getPort(),
                                    "/address",
                                    "X-Forwarded-For: " + line,
                                    "X-Forwarded-For: 203.0.113.1"),
                            line);
                    assertEquals(
                            429,
                            RawClient.status(server.getPort(), "/address", "Forwarded: " + line + ", for=203.0.113.2"),
                            line);
                }
            }
        }
    }

    @Test
    void numberOfProxiesSelectsClientAddress() {
        try (EmbeddedServer server = start(Map.of("ratelimit.trusted-proxies", 2));
                HttpClient client = client(server)) {
            Calls calls = new Calls(client);
            assertEquals(
                    List.of(200, 429), calls.get("/address", 2, "X-Forwarded-For", "6.6.6.6, 203.0.113.1, 10.0.0.1"));
            assertEquals(
                    List.of(200, 429), calls.get("/address", 2, "X-Forwarded-For", "6.6.6.6, 203.0.113.2, 10.0.0.1"));
        }
    }

    @Test
    void configuredHeaderReplacesForwardedHeaders() {
        try (EmbeddedServer server = start(Map.of(
                        "ratelimit.trusted-proxies",
                        List.of("127.0.0.0/8"),
                        "ratelimit.forwarded-header",
                        "X-Real-IP"));
                HttpClient client = client(server)) {
            Calls calls = new Calls(client);
            assertEquals(List.of(200, 429), calls.get("/address", 2, "X-Real-IP", "203.0.113.1"));
            assertEquals(
                    List.of(429), calls.get("/address", 1, "X-Real-IP", "203.0.113.1", "X-Forwarded-For", "6.6.6.6"));
        }
    }

    @Test
    void ipv6ClientsAreGroupedByPrefix() {
        Map<String, Object> properties =
                Map.of("ratelimit.trusted-proxies", "127.0.0.1", "ratelimit.ipv6-prefix", "56");
        try (EmbeddedServer server = start(properties);
                HttpClient client = client(server)) {
            Calls calls = new Calls(client);
            assertEquals(List.of(200), calls.get("/address", 1, "X-Forwarded-For", "2001:db8:1:200::1"));
            assertEquals(List.of(429), calls.get("/address", 1, "X-Forwarded-For", "2001:db8:1:2ff::2"));
            assertEquals(List.of(200), calls.get("/address", 1, "X-Forwarded-For", "2001:db8:1:300::1"));
        }
    }

    @Test
    void suspiciousConfigurationIsLoggedOnceWithCode() {
        try (Log log = new Log();
                EmbeddedServer server = start(Map.of());
                HttpClient client = client(server)) {
            Calls calls = new Calls(client);
            calls.get("/address", 3, "X-Forwarded-For", "203.0.113.77");
            calls.get("/by-tenant", 3, "X-Tenant", "secret-tenant");
            assertEquals(
                    1,
                    log.startingWith("RL001: Requests have the header X-Forwarded-For or Forwarded")
                            .size());
            assertTrue(log.startingWith("RL001").get(0).endsWith("/docs/warnings.adoc#rl001"));
            assertEquals(
                    1,
                    log.startingWith("RL005: All keys of the limits on " + Routes.class.getName())
                            .size());
            assertTrue(
                    log.lines().stream()
                            .noneMatch(line -> line.contains("203.0.113.77") || line.contains("secret-tenant")),
                    "input of clients is not logged");
        }
        try (Log log = new Log();
                EmbeddedServer server = start(Map.of("ratelimit.silence", List.of("rl001", "RL005")));
                HttpClient client = client(server)) {
            new Calls(client).get("/address", 1, "X-Forwarded-For", "203.0.113.77");
            new Calls(client).get("/by-tenant", 1, "X-Tenant", "a");
            assertEquals(List.of(), log.startingWith("RL0"));
        }
    }

    @Test
    void contradictoryHeadersAndTrustInAllAddressesAreLogged() {
        try (Log log = new Log();
                EmbeddedServer server = start(Map.of("ratelimit.trusted-proxies", "0.0.0.0/0"));
                HttpClient client = client(server)) {
            new Calls(client).get("/address", 2, "X-Forwarded-For", "203.0.113.1", "Forwarded", "for=203.0.113.2");
            new Calls(client).get("/address", 2);
            assertEquals(1, log.startingWith("RL002").size());
            assertEquals(1, log.startingWith("RL003").size());
            assertEquals(1, log.startingWith("RL004").size());
        }
    }

    private static EmbeddedServer start(Map<String, Object> properties) {
        Map<String, Object> all = new LinkedHashMap<>(properties);
        all.put("spec", "ClientAddressTest");
        all.put("micronaut.server.port", -1);
        all.put("micronaut.server.host", "127.0.0.1");
        return ApplicationContext.run(EmbeddedServer.class, all, "test");
    }

    private static HttpClient client(EmbeddedServer server) {
        return server.getApplicationContext().createBean(HttpClient.class, server.getURL());
    }

    @Controller
    @Requires(property = "spec", value = "ClientAddressTest")
    static class Routes {

        @Get("/address")
        @RateLimit("1/min")
        String address() {
            return "ok";
        }

        @Get("/by-tenant")
        @RateLimit(value = "1/min", key = "{header:X-Tenant}")
        String byTenant() {
            return "ok";
        }
    }
}
