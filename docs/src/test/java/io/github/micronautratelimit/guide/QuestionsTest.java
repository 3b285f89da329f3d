package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.micronaut.context.annotation.Property;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks the answers on HTTP in the FAQ. */
@MicronautTest(environments = "guide", rebuildContext = true)
@Property(name = "redis.enabled", value = "false")
@Property(name = "micronaut.server.cors.enabled", value = "true")
@Property(name = "ratelimit.rules[0].path", value = "/other/**")
@Property(name = "ratelimit.rules[0].policy", value = "write")
class QuestionsTest {

    private final HttpClient client = HttpClient.newHttpClient();

    @Inject
    EmbeddedServer server;

    private HttpResponse<String> sendToOrders(String method, String... headers)
            throws IOException, InterruptedException {
        return send("/orders", method, headers);
    }

    private HttpResponse<String> send(String path, String method, String... headers)
            throws IOException, InterruptedException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(server.getURL() + path)).method(method, BodyPublishers.noBody());
        return client.send(
                headers.length == 0 ? request.build() : request.headers(headers).build(), BodyHandlers.ofString());
    }

    @Test
    void headCountsLikeGet() throws Exception {
        assertEquals(200, sendToOrders("HEAD").statusCode());
        assertEquals(200, sendToOrders("HEAD").statusCode());
        assertEquals(200, sendToOrders("GET").statusCode());
        assertEquals(429, sendToOrders("GET").statusCode());
        assertEquals(429, sendToOrders("HEAD").statusCode());
    }

    @Test
    void preflightsCostNothing() throws Exception {
        for (int i = 0; i < 10; i++) {
            HttpResponse<String> preflight =
                    sendToOrders("OPTIONS", "Origin", "https://shop.example", "Access-Control-Request-Method", "GET");
            assertEquals(200, preflight.statusCode());
            assertNull(preflight.headers().firstValue("RateLimit").orElse(null));
        }
        assertEquals(
                List.of(200, 200, 200, 429),
                List.of(
                        sendToOrders("GET").statusCode(),
                        sendToOrders("GET").statusCode(),
                        sendToOrders("GET").statusCode(),
                        sendToOrders("GET").statusCode()));
    }

    @Test
    void otherOptionsCostNothingWithoutARoute() throws Exception {
        for (int i = 0; i < 10; i++) {
            assertEquals(405, sendToOrders("OPTIONS").statusCode());
        }
        assertEquals(200, sendToOrders("GET").statusCode());
    }

    @Test
    void pathRulesCountOptionsButNotPreflights() throws Exception {
        for (int i = 0; i < 10; i++) {
            assertEquals(
                    403,
                    send(
                                    "/other/a",
                                    "OPTIONS",
                                    "Origin",
                                    "https://shop.example",
                                    "Access-Control-Request-Method",
                                    "GET")
                            .statusCode(),
                    "a preflight without a route");
        }
        assertEquals(
                List.of(404, 404, 429),
                List.of(
                        send("/other/a", "OPTIONS").statusCode(),
                        send("/other/a", "OPTIONS").statusCode(),
                        send("/other/a", "OPTIONS").statusCode()));
    }

    @Test
    void deniedRequestsCostNothing() throws Exception {
        for (int i = 0; i < 3; i++) {
            assertEquals(200, sendToOrders("GET").statusCode());
        }
        List<String> waits = List.of(wait(sendToOrders("GET")), wait(sendToOrders("GET")), wait(sendToOrders("GET")));
        assertEquals(List.of("20", "20", "20"), waits);
    }

    private static String wait(HttpResponse<String> response) {
        return response.headers().firstValue("Retry-After").orElseThrow();
    }
}
