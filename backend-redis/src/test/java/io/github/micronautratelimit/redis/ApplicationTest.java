package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.RateLimitAttributes;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Two instances of an application share a Redis server that starts and stops. */
@NeedsRedis(ofItsOwn = true)
class ApplicationTest {

    private final HttpClient http = HttpClient.newHttpClient();
    private final RedisProcess redis = RedisProcess.absent();

    @AfterEach
    void stopRedis() {
        redis.close();
    }

    @Controller("/limited")
    @Requires(property = "spec", value = "application-test")
    static class Limited {

        @Get("/{name}")
        @RateLimit(value = "4/day", key = "{path:name}")
        String limited(io.micronaut.http.HttpRequest<?> request, String name) {
            Decision decision =
                    RateLimitAttributes.decisions(request).orElseThrow().list().get(0);
            return decision.source() + " " + decision.remaining();
        }
    }

    private EmbeddedServer start() {
        return ApplicationContext.run(
                EmbeddedServer.class,
                Map.of(
                        "spec",
                        "application-test",
                        "micronaut.server.port",
                        -1,
                        "redis.uri",
                        redis.uri(),
                        "ratelimit.deadline",
                        "5s",
                        "ratelimit.namespace",
                        "shop"));
    }

    private String get(EmbeddedServer instance, String name) {
        try {
            HttpResponse<String> response = http.send(
                    HttpRequest.newBuilder(URI.create(instance.getURL() + "/limited/" + name))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            return response.statusCode() == 200 ? response.body() : Integer.toString(response.statusCode());
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Test
    void instancesShareLimitsAndDecideLocallyDuringAnOutage() {
        redis.restart();
        try (EmbeddedServer one = start();
                EmbeddedServer other = start()) {
            assertEquals("STORE 3", get(one, "ann"));
            assertEquals("STORE 2", get(other, "ann"));
            assertEquals("STORE 1", get(one, "ann"));
            assertEquals("STORE 0", get(other, "ann"));
            assertEquals("429", get(one, "ann"));
            assertEquals("429", get(other, "ann"));
            assertEquals("STORE 3", get(other, "ben"));

            redis.kill();
            for (EmbeddedServer alone : new EmbeddedServer[] {one, other}) {
                Eventually.await(
                        "the outage is noticed", () -> get(alone, fresh()).startsWith("FALLBACK"));
                String cat = fresh();
                assertEquals("FALLBACK 3", get(alone, cat));
                assertEquals("FALLBACK 2", get(alone, cat));
            }

            redis.restart();
            awaitStore(one);
            awaitStore(other);
            assertEquals("STORE 3", get(one, "dan"));
            assertEquals("STORE 2", get(other, "dan"));
        }
    }

    @Test
    void instanceStartsWithoutRedisAndUsesItOnceItIsAvailable() {
        try (EmbeddedServer instance = start()) {
            assertTrue(instance.isRunning());
            assertEquals("FALLBACK 3", get(instance, "ann"));
            assertEquals("FALLBACK 2", get(instance, "ann"));
            redis.restart();
            // A new key, because the local grants of ann are charged to the store about now.
            Eventually.await("Redis decides", () -> get(instance, fresh()).equals("STORE 3"));
        }
    }

    private void awaitStore(EmbeddedServer instance) {
        Eventually.await("Redis decides again", () -> get(instance, fresh()).startsWith("STORE"));
    }

    private static String fresh() {
        return UUID.randomUUID().toString();
    }
}
