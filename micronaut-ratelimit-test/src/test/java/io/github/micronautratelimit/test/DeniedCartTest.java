package io.github.micronautratelimit.test;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.RateLimiter;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import org.junit.jupiter.api.Test;

// tag::denied[]
@MicronautTest
@Property(name = "spec", value = "DeniedCartTest")
class DeniedCartTest {

    @Inject
    @Client("/shop")
    HttpClient client;

    @Factory
    @Requires(property = "spec", value = "DeniedCartTest")
    static class Denying {

        @Singleton
        @Bean(preDestroy = "close")
        @Replaces(RateLimiter.class)
        RateLimiter limiter() {
            return FixedLimiter.denying(Duration.ofSeconds(30));
        }
    }

    @Test
    void everyCartIsDenied() {
        assertEquals("denied", client.toBlocking().retrieve("/cart"));
    }
}
// end::denied[]
