package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Property;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

// tag::test[]
@MicronautTest(environments = "guide")
@Property(name = "ratelimit.backend", value = "memory")
class OrderLimitTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    VirtualClock clock;

    @BeforeEach
    void givenAllPermits() {
        clock.advance(Duration.ofDays(1));
    }

    @Test
    void ordersAreListedThreeTimesAMinute() {
        for (int i = 0; i < 3; i++) {
            assertEquals(200, list().code());
        }
        assertEquals(429, list().code());
        assertEquals("20", list().header("Retry-After"));

        clock.advance(Duration.ofSeconds(20));
        assertEquals(200, list().code());
        assertEquals(429, list().code());
    }

    private HttpResponse<?> list() {
        try {
            return client.toBlocking().exchange("/orders");
        } catch (HttpClientResponseException e) {
            return e.getResponse();
        }
    }
}
// end::test[]
