package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Costs that depend on the request. */
class RequestCostTest {

    @Test
    void placeholderCostStaysWithinBounds() {
        try (TestServer server = TestServer.start(RequestCostTest.class, Map.of())) {
            Calls calls = server.calls();
            assertEquals(
                    "\"RequestCostTest$Routes.placeholder\";r=10;t=3",
                    calls.get("/placeholder?size=100").header("RateLimit"));
            assertEquals(
                    "\"RequestCostTest$Routes.placeholder\";r=9;t=3",
                    calls.get("/placeholder?size=0").header("RateLimit"));
            assertEquals(
                    "\"RequestCostTest$Routes.placeholder\";r=5;t=3",
                    calls.get("/placeholder?size=4").header("RateLimit"));
            HttpResponse<?> denied = calls.get("/placeholder?size=7");
            assertEquals("6", denied.header("Retry-After"), "two more permits are needed");
            HttpRequest<?> upload =
                    HttpRequest.POST("/upload", "x".repeat(2_001)).header("Content-Type", "text/plain");
            assertEquals(
                    "\"RequestCostTest$Routes.upload\";r=7;t=6",
                    calls.exchange(upload).header("RateLimit"));
        }
    }

    @Test
    void expressionCostStaysWithinBounds() {
        try (TestServer server = TestServer.start(RequestCostTest.class, Map.of())) {
            Calls calls = server.calls();
            assertEquals(
                    "\"RequestCostTest$Routes.expression\";r=16;t=3",
                    calls.get("/expression?size=4").header("RateLimit"));
            assertEquals(
                    "\"RequestCostTest$Routes.expression\";r=6;t=3",
                    calls.get("/expression?size=100").header("RateLimit"));
            assertEquals(
                    "\"RequestCostTest$Routes.expression\";r=5;t=3",
                    calls.get("/expression?size=-100").header("RateLimit"));
            assertEquals(
                    "\"RequestCostTest$Routes.expression\";r=4;t=3",
                    calls.get("/expression").header("RateLimit"));
            assertEquals(429, calls.get("/expression?size=5").code());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "size=%2B8",
                "size=%D9%A8",
                "size=%EF%BC%98",
                "size=008",
                "size=1&size=8",
                "size=&size=8",
                "size=1,8",
                "size=0.8e1",
                "size=Infinity",
                "size=many"
            })
    void costIsWhatTheControllerMayRead(String query) {
        try (TestServer server = TestServer.start(RequestCostTest.class, Map.of())) {
            String before = server.calls().get("/placeholder?size=8").header("RateLimit");
            assertEquals("\"RequestCostTest$Routes.placeholder\";r=12;t=3", before);
            String after =
                    server.calls().get(URI.create("/placeholder?" + query)).header("RateLimit");
            assertTrue(
                    Set.of(
                                    "\"RequestCostTest$Routes.placeholder\";r=4;t=3",
                                    "\"RequestCostTest$Routes.placeholder\";r=2;t=3")
                            .contains(after),
                    () -> query + " gave " + after);
        }
    }

    @Test
    void bodyOfUnknownSizeCostsTheUpperBoundInAnyVersion() throws Exception {
        Map<String, Object> properties = Map.of("micronaut.server.http-version", "2.0");
        java.net.http.HttpClient http1 = java.net.http.HttpClient.newBuilder()
                .version(java.net.http.HttpClient.Version.HTTP_1_1)
                .build();
        java.net.http.HttpClient http2 = java.net.http.HttpClient.newBuilder()
                .version(java.net.http.HttpClient.Version.HTTP_2)
                .build();
        try (TestServer server = TestServer.start(RequestCostTest.class, properties)) {
            URI uri = server.uri("/bytes");
            // Micronaut Servlet speaks HTTP/2 on some servers only.
            java.net.http.HttpClient.Version spoken = http2.send(
                            request(uri).GET().build(), BodyHandlers.discarding())
                    .version();
            boolean both = spoken == java.net.http.HttpClient.Version.HTTP_2;
            for (java.net.http.HttpClient client : both ? List.of(http1, http2) : List.of(http1)) {
                long before = remaining(client, request(uri).GET());
                byte[] body = new byte[4_000];
                assertEquals(
                        before - 4, remaining(client, request(uri).POST(BodyPublishers.ofByteArray(body))), "told");
                assertEquals(
                        before - 1_004,
                        remaining(
                                client,
                                request(uri).POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)))),
                        "untold");
                assertEquals(before - 1_005, remaining(client, request(uri).GET()), "no body");
                assertEquals(
                        before - 2_005,
                        remaining(
                                client,
                                request(uri)
                                        .header("Content-Encoding", "gzip")
                                        .POST(BodyPublishers.ofByteArray(gzip(body)))),
                        "the length of what is compressed is untold");
            }
        }
    }

    /** Only Netty knows that a request of HTTP/2 without a length has no body, whatever its method. */
    @Test
    @Tag("netty")
    void requestWithoutBodyCostsTheLowerBoundWhateverItsMethod() throws Exception {
        Map<String, Object> properties = Map.of("micronaut.server.http-version", "2.0");
        java.net.http.HttpClient http2 = java.net.http.HttpClient.newBuilder()
                .version(java.net.http.HttpClient.Version.HTTP_2)
                .build();
        try (TestServer server = TestServer.start(RequestCostTest.class, properties)) {
            URI uri = server.uri("/bytes");
            http2.send(request(uri).GET().build(), BodyHandlers.discarding());
            long before = remaining(http2, request(uri).GET());
            assertEquals(before - 1, remaining(http2, request(uri).DELETE()));
            assertEquals(before - 2, remaining(http2, request(uri).POST(BodyPublishers.noBody())));
        }
    }

    private static java.net.http.HttpRequest.Builder request(URI uri) {
        return java.net.http.HttpRequest.newBuilder(uri)
                .timeout(Duration.ofSeconds(20))
                .header("Content-Type", "application/octet-stream");
    }

    private static long remaining(java.net.http.HttpClient client, java.net.http.HttpRequest.Builder request)
            throws Exception {
        java.net.http.HttpResponse<Void> response = client.send(request.build(), BodyHandlers.discarding());
        assertEquals(client.version(), response.version());
        Matcher remaining = Pattern.compile(";r=(\\d+);")
                .matcher(response.headers().firstValue("RateLimit").orElse(""));
        assertTrue(remaining.find(), () -> response + " " + response.headers());
        return Long.parseLong(remaining.group(1));
    }

    private static byte[] gzip(byte[] body) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(body);
        }
        return bytes.toByteArray();
    }

    @Controller
    @Requires(property = "spec", value = "RequestCostTest")
    static class Routes {

        @Post("/bytes")
        @Consumes("application/octet-stream")
        @RateLimit(policy = "bytes", value = "100000/day", permits = "{body-size} / 1000 1..1000")
        String post(@Body byte[] body) {
            return "ok";
        }

        @Get("/bytes")
        @RateLimit(policy = "bytes", value = "100000/day", permits = "{body-size} / 1000 1..1000")
        String get() {
            return "ok";
        }

        @Delete("/bytes")
        @Consumes("*/*")
        @RateLimit(policy = "bytes", value = "100000/day", permits = "{body-size} / 1000 1..1000")
        String delete() {
            return "ok";
        }

        @Get("/placeholder")
        @RateLimit(value = "20/min", permits = "{query:size} 1..10")
        String placeholder() {
            return "ok";
        }

        @Get("/expression")
        @RateLimit(value = "20/min", key = "{ip}", permits = "#{ size } 1..10")
        String expression(@QueryValue @Nullable Long size) {
            return "ok";
        }

        @Post("/upload")
        @RateLimit(value = "10/min", permits = "{body-size} / 1000 1..8")
        @Consumes("text/plain")
        String upload(@Body String body) {
            return "ok";
        }
    }
}
