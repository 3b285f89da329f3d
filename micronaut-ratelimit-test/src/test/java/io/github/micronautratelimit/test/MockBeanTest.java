package io.github.micronautratelimit.test;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.RateLimiter;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.test.annotation.MockBean;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.time.Duration;
import org.junit.jupiter.api.Test;

// tag::mock[]
@MicronautTest
class MockBeanTest {

    @Inject
    @Client("/shop")
    HttpClient client;

    @MockBean(RateLimiter.class)
    RateLimiter limiter() {
        return FixedLimiter.denying(Duration.ofSeconds(30));
    }

    @Test
    void everyCartIsDenied() {
        assertEquals("denied", client.toBlocking().retrieve("/cart"));
    }
}
// end::mock[]
