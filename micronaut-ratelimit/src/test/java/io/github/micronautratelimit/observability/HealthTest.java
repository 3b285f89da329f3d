package io.github.micronautratelimit.observability;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The health of the store in the health endpoint. */
class HealthTest {

    private static final Argument<Map<String, Object>> JSON = Argument.mapOf(String.class, Object.class);

    private static EmbeddedServer start(String... settings) {
        Map<String, Object> all = new HashMap<>(
                Map.of("ratelimit.policies.p.limits", "3/day", "endpoints.health.details-visible", "ANONYMOUS"));
        for (int i = 0; i < settings.length; i += 2) {
            all.put(settings[i], settings[i + 1]);
        }
        return ApplicationContext.run(EmbeddedServer.class, all, "test");
    }

    private static Source acquire(EmbeddedServer server) {
        Policy policy =
                server.getApplicationContext().getBean(PolicyRegistry.class).get("p");
        return server.getApplicationContext()
                .getBean(RateLimiter.class)
                .tryAcquire(policy, "key")
                .source();
    }

    private static HttpResponse<Map<String, Object>> health(EmbeddedServer server) {
        try (HttpClient client = HttpClient.create(server.getURL())) {
            return client.toBlocking().exchange(HttpRequest.GET("/health"), JSON, JSON);
        } catch (HttpClientResponseException e) {
            @SuppressWarnings("unchecked")
            HttpResponse<Map<String, Object>> response = (HttpResponse<Map<String, Object>>) e.getResponse();
            return response;
        }
    }

    private static Map<?, ?> ratelimit(HttpResponse<Map<String, Object>> health) {
        Map<?, ?> details = (Map<?, ?>) health.getBody(JSON).orElseThrow().get("details");
        return (Map<?, ?>) details.get("ratelimit");
    }

    @Test
    void theMemoryBackendIsAlwaysUp() {
        try (EmbeddedServer server = start()) {
            assertEquals(
                    Map.of("name", "app", "status", "UP", "details", Map.of("backend", "memory")),
                    named(ratelimit(health(server))));
        }
    }

    /** Replaces the name of the application, which differs. */
    private static Map<?, ?> named(Map<?, ?> result) {
        Map<Object, Object> named = new HashMap<>(result);
        named.put("name", "app");
        return named;
    }

    @ParameterizedTest
    @CsvSource({"degraded, DEGRADED, 200", "down, DOWN, 503"})
    void anOutageChangesTheStatusUntilTheStoreAnswers(String setting, String status, int code) throws Exception {
        try (EmbeddedServer server = start("ratelimit.backend", "async", "ratelimit.health-in-outage", setting)) {
            AsyncBackend store = server.getApplicationContext().getBean(AsyncBackend.class);
            assertEquals(Source.STORE, acquire(server));
            HttpResponse<Map<String, Object>> up = health(server);
            assertEquals(200, up.code());
            assertEquals("UP", ratelimit(up).get("status"));
            assertEquals(
                    Map.of("backend", "async", "breaker", "CLOSED", "failures", 0, "permanentFailures", 0),
                    ratelimit(up).get("details"));

            store.mood = AsyncBackend.Mood.FAILS;
            for (int i = 0; i < 10; i++) {
                assertEquals(Source.FALLBACK, acquire(server));
            }
            HttpResponse<Map<String, Object>> out = health(server);
            assertEquals(code, out.code());
            assertEquals(status, ratelimit(out).get("status"));
            Map<?, ?> details = (Map<?, ?>) ratelimit(out).get("details");
            assertEquals(10, details.get("failures"), "the 10th opens the breaker");
            assertTrue(Set.of("OPEN", "HALF_OPEN").contains(String.valueOf(details.get("breaker"))));

            store.mood = AsyncBackend.Mood.ANSWERS;
            Eventually.equal("UP", () -> ratelimit(health(server)).get("status"));
        }
    }
}
