package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.RateLimitExceededException;
import io.micronaut.context.annotation.Property;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Runs the code of the chapter on charges by outcome. */
@MicronautTest(environments = "guide", rebuildContext = true)
@Property(name = "ratelimit.backend", value = "memory")
class OutcomeTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    Payments payments;

    @Test
    void onlyWrongPasswordsCount() {
        for (int i = 0; i < 10; i++) {
            assertEquals(200, login("secret"));
        }
        for (int i = 0; i < 5; i++) {
            assertEquals(401, login("guess"));
        }
        assertEquals(429, login("secret"));
    }

    private int login(String password) {
        try {
            return client.toBlocking()
                    .exchange(HttpRequest.POST("/login", Map.of("password", password)))
                    .code();
        } catch (HttpClientResponseException e) {
            return e.getStatus().getCode();
        }
    }

    @Test
    void failedPaymentsCostNothing() throws IOException {
        for (int i = 0; i < 200; i++) {
            assertThrows(IOException.class, () -> payments.pay("a", false));
        }
        for (int i = 0; i < 100; i++) {
            payments.pay("a", true);
        }
        assertThrows(RateLimitExceededException.class, () -> payments.pay("a", true));
    }
}
