package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.AsyncBackend;
import io.micronaut.context.annotation.Property;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;

/** What an operator is told while the store fails. */
@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.backend", value = "async")
@Property(name = "ratelimit.policies.jobs.limits", value = "2/min")
@Property(name = "endpoints.ratelimits.sensitive", value = "false")
@Property(name = "endpoints.ratelimits.write-sensitive", value = "false")
class StoreAwayTest {

    private static final Map<String, Object> JOBS = Map.of("policy", "jobs", "key", "nightly");

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    AsyncBackend store;

    @Test
    void whatTheStoreDoesIsToldOnceItHasAnswered() {
        assertEquals(List.of(2, "STORE"), standing("peek"));
        assertEquals(List.of(2, "STORE"), standing("reset"));
    }

    @Test
    void whatTheStoreDidNotDoIsSaidAndAPeekIsAnsweredWithoutIt() {
        store.mood = AsyncBackend.Mood.FAILS;
        assertEquals("FALLBACK", standing("peek").get(1));
        for (String action : List.of("reset", "unblock")) {
            HttpClientResponseException refused = assertThrows(HttpClientResponseException.class, () -> standing(action));
            assertEquals(503, refused.code());
            assertTrue(refused.getResponse().getBody(String.class).orElseThrow().contains("The store did not do it: "));
        }
    }

    private List<Object> standing(String action) {
        Map<String, Object> standing = client.toBlocking().retrieve(HttpRequest.POST("/ratelimits/" + action, JOBS),
                Argument.mapOf(String.class, Object.class));
        return List.of(standing.get("remaining"), standing.get("source"));
    }
}
