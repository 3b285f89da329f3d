package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micronaut.context.annotation.Property;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The responses of the endpoint with a store, and during its outage. */
@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.backend", value = "unreliable")
@Property(name = "ratelimit.deadline", value = "30s")
@Property(name = "ratelimit.policies.jobs.limits", value = "2/min")
@Property(name = "endpoints.ratelimits.sensitive", value = "false")
@Property(name = "endpoints.ratelimits.write-sensitive", value = "false")
class StoreOutageTest {

    private static final Map<String, Object> JOBS = Map.of("policy", "jobs", "key", "nightly");

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    UnreliableBackend store;

    @Test
    void responsesContainTheAnswerOfTheStore() {
        assertEquals(List.of(2, "STORE"), remainingAndSource("peek"));
        assertEquals(List.of(2, "STORE"), remainingAndSource("reset"));
    }

    @Test
    void anOutageFailsAResetAndLeavesAPeekToOnError() {
        store.failing = true;
        assertEquals("FALLBACK", remainingAndSource("peek").get(1));
        for (String action : List.of("reset", "unblock")) {
            HttpClientResponseException error =
                    assertThrows(HttpClientResponseException.class, () -> remainingAndSource(action));
            assertEquals(503, error.code());
            String body = error.getResponse().getBody(String.class).orElseThrow();
            assertTrue(body.contains("The store failed or does not support the action: "), body);
        }
    }

    @Test
    void overrideOnAStoreWithoutRecordsSaysWhatIsMissing() {
        HttpClientResponseException error = assertThrows(HttpClientResponseException.class, () -> client.toBlocking()
                .retrieve(HttpRequest.POST("/ratelimits/override", Map.of("policy", "jobs", "limits", "9/min"))));
        assertEquals(503, error.code());
        String body = error.getResponse().getBody(String.class).orElseThrow();
        assertTrue(body.contains("UnreliableBackend keeps no shared records; override"), body);
    }

    private List<Object> remainingAndSource(String action) {
        Map<String, Object> state = client.toBlocking()
                .retrieve(HttpRequest.POST("/ratelimits/" + action, JOBS), Argument.mapOf(String.class, Object.class));
        return List.of(state.get("remaining"), state.get("source"));
    }
}
