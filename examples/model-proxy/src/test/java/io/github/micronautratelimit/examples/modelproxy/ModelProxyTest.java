package io.github.micronautratelimit.examples.modelproxy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The proxy and the model, each on a server of its own. */
class ModelProxyTest {

    private final HttpClient client = HttpClient.newHttpClient();
    private EmbeddedServer model;
    private EmbeddedServer proxy;

    @BeforeEach
    void start() {
        start("0s");
    }

    private void start(String pause) {
        model = ApplicationContext.run(
                EmbeddedServer.class,
                Map.of("micronaut.server.port", -1, "model.pause", pause),
                "test",
                Application.MODEL);
        proxy = ApplicationContext.run(
                EmbeddedServer.class,
                Map.of("micronaut.server.port", -1, "model.url", model.getURL().toString()),
                "test");
    }

    @AfterEach
    void stop() {
        proxy.close();
        model.close();
    }

    /** Sends a prompt of words of one letter: the estimate counts half of them, and the model counts all. */
    private <T> HttpResponse<T> chat(int words, int maxTokens, HttpResponse.BodyHandler<T> body)
            throws IOException, InterruptedException {
        String text = String.join(" ", Collections.nCopies(words, "a"));
        return client.send(
                HttpRequest.newBuilder(proxy.getURI().resolve("/chat"))
                        .header("X-API-Key", "alice")
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString("{\"text\": \"" + text + "\", \"maxTokens\": " + maxTokens + "}"))
                        .build(),
                body);
    }

    private HttpResponse<String> chat(int words, int maxTokens) throws IOException, InterruptedException {
        return chat(words, maxTokens, BodyHandlers.ofString());
    }

    private static String left(HttpResponse<?> response, String policy) {
        return String.join(",", response.headers().allValues("RateLimit"))
                .replaceAll(".*\"" + policy + "\";r=(\\d+).*", "$1");
    }

    @Test
    void estimateIsChargedAndSettledAfterTheAnswer() throws Exception {
        HttpResponse<String> first = chat(5, 998);
        assertEquals(200, first.statusCode());
        assertEquals(
                12,
                first.body().lines().filter(line -> line.startsWith("data:")).count());
        assertTrue(first.body().contains("\"usage\":15"), first::body);
        assertEquals("1000", left(first, "tokens"), "2 for the prompt, and 998 for the longest answer");
        assertEquals("19", left(first, "requests"));

        HttpResponse<String> second = chat(5, 98);
        assertEquals("1885", left(second, "tokens"), "2000 - 15 - 100");
        assertEquals("18", left(second, "requests"), "each costs one");
    }

    @Test
    void answerBeyondItsEstimateIsADebt() throws Exception {
        assertEquals("1051", left(chat(1900, 0), "tokens"), "2000 - 949");
        assertEquals("6", left(chat(190, 0), "tokens"), "2000 - 1900 - 94");
        HttpResponse<String> denied = chat(5, 8);
        assertEquals(429, denied.statusCode());
        assertEquals("3", denied.headers().firstValue("Retry-After").orElse(""), "90 of debt and 10, at 2000 in 60 s");
        proxy.getApplicationContext().getBean(VirtualClock.class).advance(Duration.ofSeconds(3));
        assertEquals(200, chat(5, 8).statusCode());
    }

    @Test
    void disconnectKeepsTheEstimate() throws Exception {
        stop();
        start("10h");
        HttpResponse<InputStream> answer = chat(5, 998, BodyHandlers.ofInputStream());
        assertEquals("1000", left(answer, "tokens"));
        answer.body().close();
        HttpResponse<String> denied = chat(5, 1198);
        assertEquals(429, denied.statusCode());
        assertEquals("6", denied.headers().firstValue("Retry-After").orElse(""), "200 more at 2000 in 60 s");
    }
}
