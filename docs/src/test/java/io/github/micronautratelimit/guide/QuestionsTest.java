package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;

import org.junit.jupiter.api.Test;

import io.micronaut.context.annotation.Property;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;

/** What the answers to frequent questions say of HTTP is so. */
@MicronautTest(environments = "guide", rebuildContext = true)
@Property(name = "redis.enabled", value = "false")
@Property(name = "micronaut.server.cors.enabled", value = "true")
@Property(name = "ratelimit.rules[0].path", value = "/other/**")
@Property(name = "ratelimit.rules[0].policy", value = "write")
class QuestionsTest {

    private final HttpClient client = HttpClient.newHttpClient();

    @Inject
    EmbeddedServer server;

    private HttpResponse<String> ask(String method, String... headers) throws IOException, InterruptedException {
        return askFor("/orders", method, headers);
    }

    private HttpResponse<String> askFor(String path, String method, String... headers)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(server.getURL() + path))
                .method(method, BodyPublishers.noBody());
        return client.send(headers.length == 0 ? request.build() : request.headers(headers).build(), BodyHandlers.ofString());
    }

    @Test
    void headCountsLikeGet() throws Exception {
        assertEquals(200, ask("HEAD").statusCode());
        assertEquals(200, ask("HEAD").statusCode());
        assertEquals(200, ask("GET").statusCode());
        assertEquals(429, ask("GET").statusCode());
        assertEquals(429, ask("HEAD").statusCode());
    }

    @Test
    void aPreflightDoesNotCount() throws Exception {
        for (int i = 0; i < 10; i++) {
            HttpResponse<String> preflight = ask("OPTIONS", "Origin", "https://shop.example", "Access-Control-Request-Method",
                    "GET");
            assertEquals(200, preflight.statusCode());
            assertNull(preflight.headers().firstValue("RateLimit").orElse(null));
        }
        assertEquals(List.of(200, 200, 200, 429), List.of(ask("GET").statusCode(), ask("GET").statusCode(),
                ask("GET").statusCode(), ask("GET").statusCode()));
    }

    @Test
    void otherOptionsMeetNoAnnotationBecauseNoRouteIsThere() throws Exception {
        for (int i = 0; i < 10; i++) {
            assertEquals(405, ask("OPTIONS").statusCode());
        }
        assertEquals(200, ask("GET").statusCode());
    }

    @Test
    void underARuleOptionsCountAndPreflightsDoNot() throws Exception {
        for (int i = 0; i < 10; i++) {
            assertEquals(403, askFor("/other/a", "OPTIONS", "Origin", "https://shop.example",
                    "Access-Control-Request-Method", "GET").statusCode(), "a preflight for no route");
        }
        assertEquals(List.of(404, 404, 429), List.of(askFor("/other/a", "OPTIONS").statusCode(),
                askFor("/other/a", "OPTIONS").statusCode(), askFor("/other/a", "OPTIONS").statusCode()));
    }

    @Test
    void aRequestThatIsDeniedCostsNothing() throws Exception {
        for (int i = 0; i < 3; i++) {
            assertEquals(200, ask("GET").statusCode());
        }
        List<String> waits = List.of(wait(ask("GET")), wait(ask("GET")), wait(ask("GET")));
        assertEquals(List.of("20", "20", "20"), waits);
    }

    private static String wait(HttpResponse<String> answer) {
        return answer.headers().firstValue("Retry-After").orElseThrow();
    }
}
