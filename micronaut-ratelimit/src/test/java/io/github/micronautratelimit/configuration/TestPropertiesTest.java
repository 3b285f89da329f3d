package io.github.micronautratelimit.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.Calls;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.util.List;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Properties of a test: of its class, its file and its methods. */
@MicronautTest(propertySources = "classpath:limits-of-test.yml")
@Property(name = "spec", value = "TestPropertiesTest")
@Property(name = "ratelimit.policies.of-class.limits", value = "1/h")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TestPropertiesTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Test
    @Order(1)
    void propertiesOfClassAndFileApply() {
        Calls calls = new Calls(client);
        assertEquals(List.of(200, 429), calls.get("/of-class", 2));
        assertEquals(List.of(200, 200, 429), calls.get("/of-file", 3));
        assertEquals(List.of(200, 200, 200), calls.get("/of-method", 3));
    }

    @Test
    @Order(2)
    @Property(name = "ratelimit.policies.of-class.limits", value = "3/h")
    @Property(name = "ratelimit.policies.of-method.limits", value = "1/h")
    @Property(name = "ratelimit.rules[0].path", value = "/of-method")
    @Property(name = "ratelimit.rules[0].policy", value = "of-method")
    void propertiesOfMethodApply() {
        Calls calls = new Calls(client);
        assertEquals(List.of(200, 200, 429), calls.get("/of-class", 3), "one permit was taken before");
        assertEquals(List.of(200, 429), calls.get("/of-method", 2));
    }

    @Test
    @Order(3)
    void propertiesOfMethodEndWithIt() {
        Calls calls = new Calls(client);
        assertEquals(List.of(200, 200, 200), calls.get("/of-method", 3));
        assertEquals(List.of(429), calls.get("/of-class", 1));
    }

    @Controller
    @Requires(property = "spec", value = "TestPropertiesTest")
    static class Routes {

        @Get("/of-class")
        @RateLimit(policy = "of-class")
        String ofClass() {
            return "ok";
        }

        @Get("/of-file")
        @RateLimit(policy = "of-file")
        String ofFile() {
            return "ok";
        }

        @Get("/of-method")
        String ofMethod() {
            return "ok";
        }
    }
}
