package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.micronaut.context.annotation.Property;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import org.junit.jupiter.api.Test;

/** Runs the first example of the README. */
@MicronautTest(environments = "guide", rebuildContext = true)
@Property(name = "redis.enabled", value = "false")
@Property(name = "spec", value = "ReadmeTest")
class ReadmeTest {

    @Inject
    @Client("/")
    HttpClient client;

    /** The clock of the guide does not advance, so no permit comes back. */
    @Test
    void exampleAllowsHundredRequests() {
        for (int i = 0; i < 100; i++) {
            assertEquals("[]", client.toBlocking().retrieve("/readme/orders"));
        }
        HttpClientResponseException denied = assertThrows(
                HttpClientResponseException.class, () -> client.toBlocking().retrieve("/readme/orders"));
        assertEquals(429, denied.getStatus().getCode());
        assertEquals("1", denied.getResponse().header("Retry-After"));
    }
}
