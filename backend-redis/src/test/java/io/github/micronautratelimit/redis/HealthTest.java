package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.BeanProvider;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The health endpoint of an application during an outage of Redis, with Micronaut Redis on the class path. */
@NeedsRedis(ofItsOwn = true)
class HealthTest {

    private final HttpClient http = HttpClient.newHttpClient();
    private final RedisProcess redis = RedisProcess.absent();

    @BeforeEach
    void startRedis() {
        redis.restart();
    }

    @AfterEach
    void stopRedis() {
        redis.close();
    }

    @Controller("/limited")
    @Requires(property = "spec", value = "health-test")
    static class Limited {

        @Get
        @RateLimit(value = "1000/day", key = "{global}")
        String limited() {
            return "limited";
        }
    }

    @Singleton
    @Requires(property = "uses", value = "connection")
    record Injected(StatefulRedisConnection<String, String> connection) {}

    @Singleton
    @Requires(property = "uses", value = "provider")
    record Provided(BeanProvider<RedisClient> client) {}

    private EmbeddedServer start(Map<String, Object> more) {
        Map<String, Object> properties = new HashMap<>(Map.of(
                "spec",
                "health-test",
                "micronaut.server.port",
                -1,
                "endpoints.health.details-visible",
                "ANONYMOUS",
                "ratelimit.deadline",
                "1s"));
        properties.putAll(more);
        return ApplicationContext.run(EmbeddedServer.class, properties);
    }

    private HttpResponse<String> get(EmbeddedServer server, String path) {
        try {
            return http.send(
                    HttpRequest.newBuilder(URI.create(server.getURL() + path)).build(),
                    HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    private boolean isDegraded(EmbeddedServer server) {
        get(server, "/limited");
        return get(server, "/health").body().contains("DEGRADED");
    }

    private Map<String, Object> address(String form) {
        return form.equals("uri")
                ? Map.of("redis.uri", redis.uri())
                : Map.of("redis.host", "127.0.0.1", "redis.port", redis.port());
    }

    @ParameterizedTest
    @ValueSource(strings = {"uri", "host"})
    void applicationWhoseLimiterAloneUsesRedisStaysUp(String form) {
        try (EmbeddedServer server = start(address(form))) {
            assertEquals(200, get(server, "/limited").statusCode());
            HttpResponse<String> up = get(server, "/health");
            assertEquals(200, up.statusCode());
            assertTrue(up.body().contains("\"status\":\"UP\""), up::body);
            redis.kill();
            Eventually.await("the outage is seen", () -> isDegraded(server));
            for (String path : new String[] {"/health", "/health/readiness", "/health/liveness"}) {
                HttpResponse<String> health = get(server, path);
                assertEquals(200, health.statusCode(), path);
                assertFalse(health.body().contains("DOWN"), health::body);
            }
            redis.restart();
            Eventually.await("the outage is over", () -> !isDegraded(server));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "uses, connection",
        "uses, provider",
        "redis.health.enabled, true",
        "redis.caches.books.expire-after-write, 1m"
    })
    void applicationThatUsesMicronautsClientIsDown(String property, String value) {
        Map<String, Object> properties = new HashMap<>(address("uri"));
        properties.put(property, value);
        try (EmbeddedServer server = start(properties)) {
            assertEquals(200, get(server, "/health").statusCode());
            assertTrue(get(server, "/health").body().contains("redis("), () -> get(server, "/health")
                    .body());
            redis.kill();
            Eventually.await(
                    "the application is down",
                    () -> get(server, "/health").statusCode() == 503
                            && get(server, "/health/readiness").statusCode() == 503);
        }
    }

    @Test
    void clientThatIsLookedUpIsReported() {
        try (EmbeddedServer server = start(address("uri"))) {
            assertFalse(get(server, "/health").body().contains("redis("));
            server.getApplicationContext().getBean(RedisClient.class);
            assertTrue(get(server, "/health").body().contains("redis("));
            redis.kill();
            Eventually.await(
                    "the application is down", () -> get(server, "/health").statusCode() == 503);
        }
    }

    /** The limiter does not use Redis, so it has no say in the health of Redis. */
    @Test
    void micronautsIndicatorIsUntouchedIfTheLimiterUsesAnotherBackend() {
        Map<String, Object> properties = new HashMap<>(address("uri"));
        properties.put("ratelimit.backend", "memory");
        try (EmbeddedServer server = start(properties)) {
            HttpResponse<String> health = get(server, "/health");
            assertTrue(health.body().contains("redis("), health::body);
        }
    }
}
