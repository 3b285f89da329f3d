package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ExecutionHandleLocator;
import io.micronaut.context.annotation.Executable;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.convert.ConversionService;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.annotation.Get;
import io.micronaut.management.endpoint.annotation.Endpoint;
import io.micronaut.management.endpoint.annotation.Read;
import io.micronaut.web.router.DefaultRouteBuilder;
import jakarta.annotation.PostConstruct;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A limit on a class with routes counts requests to its routes, and no other call of its methods. */
@Tag("management")
@SuppressWarnings("overrides") // of DefaultRouteBuilder
class ClassLimitTest {

    private static final String FORWARDED = "X-Forwarded-For";

    private static TestServer start() {
        return TestServer.start(ClassLimitTest.class, Map.of("ratelimit.trusted-proxies", "127.0.0.0/8"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/orders/package-private", "/orders/public", "/orders/text", "/orders/route", "/helped"})
    void helperOfRouteIsNotCounted(String path) {
        try (TestServer server = start()) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 200, 429), calls.get(path, 5, FORWARDED, "198.51.100.1"));
            assertEquals(List.of(200), calls.get(path, 1, FORWARDED, "198.51.100.2"), "another client has its own");
        }
    }

    @Test
    void routesOfClassShareItsLimit() {
        try (TestServer server = start()) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200), calls.get("/orders/public", 2));
            assertEquals(List.of(200, 200, 429), calls.get("/orders/text", 3));
            assertEquals(List.of(429), calls.get("/orders/public", 1));
        }
    }

    @Test
    void callOfOtherControllerIsNotRequestToIt() {
        try (TestServer server = start()) {
            assertEquals(List.of(200, 200, 200, 200, 200, 200), server.calls().get("/caller", 6));
            assertEquals("apples", server.context().getBean(Orders.class).publicHelper(), "outside a request");
            assertEquals(List.of(200, 200, 200, 200, 429), server.calls().get("/orders/public", 5));
        }
    }

    @Test
    void errorMethodIsNotCounted() {
        try (TestServer server = start()) {
            assertEquals(List.of(400, 400, 400, 429), server.calls().get("/failing", 4));
        }
    }

    @Test
    void errorMethodRespondsToDenial() {
        try (TestServer server = start()) {
            assertEquals(List.of(200, 200, 200), server.calls().get("/own-answer", 3));
            HttpResponse<?> denied = server.calls().get("/own-answer");
            assertEquals(429, denied.code());
            assertEquals("mine", denied.getBody(String.class).orElse(""));
            assertTrue(denied.header("Retry-After") != null);
        }
    }

    @Test
    void statusMethodIsNotCounted() {
        try (TestServer server = start()) {
            assertEquals(List.of(404, 404, 404, 429), server.calls().get("/missing", 4));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/built", "/limited-endpoint", "/limited-operation"})
    void routeWithoutMappingIsLimitedByDefaultKey(String path) {
        try (TestServer server = start()) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 429), calls.get(path, 3, FORWARDED, "198.51.100.1"));
            assertEquals(List.of(200, 200, 429), calls.get(path, 3, FORWARDED, "198.51.100.2"));
        }
    }

    @Controller("/orders")
    @RateLimit("4/h")
    @Requires(property = "spec", value = "ClassLimitTest")
    static class Orders {

        @Get("/package-private")
        String first() {
            return packagePrivateHelper();
        }

        @Get("/public")
        String second() {
            return publicHelper();
        }

        @Get("/text")
        String third() {
            return this + Integer.toString(hashCode()) + equals("a");
        }

        @Get("/route")
        String fourth() {
            return second() + third();
        }

        @PostConstruct
        public void open() {}

        String packagePrivateHelper() {
            return "apples";
        }

        public String publicHelper() {
            return "apples";
        }

        @Override
        public String toString() {
            return "orders";
        }

        @Override
        public int hashCode() {
            return 1;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Orders;
        }
    }

    @Controller("/caller")
    @Requires(property = "spec", value = "ClassLimitTest")
    static class Caller {

        @Inject
        Orders orders;

        @Get
        String call() {
            return orders.publicHelper() + orders.second();
        }
    }

    @Controller("/failing")
    @RateLimit("3/h")
    @Requires(property = "spec", value = "ClassLimitTest")
    static class Failing {

        @Get
        String get() {
            throw new IllegalStateException("boom");
        }

        @Error
        HttpResponse<String> handle(IllegalStateException e) {
            return HttpResponse.badRequest("handled");
        }
    }

    @Controller("/missing")
    @RateLimit("3/h")
    @Requires(property = "spec", value = "ClassLimitTest")
    static class Missing {

        @Get
        HttpResponse<String> get() {
            return HttpResponse.notFound();
        }

        @Error(status = HttpStatus.NOT_FOUND)
        HttpResponse<String> handle() {
            return HttpResponse.<String>notFound().body("handled");
        }
    }

    @Controller("/own-answer")
    @RateLimit("3/h")
    @Requires(property = "spec", value = "ClassLimitTest")
    static class OwnAnswer {

        @Get
        String get() {
            return "ok";
        }

        @Error
        HttpResponse<String> denied(RateLimitExceededException e) {
            return HttpResponse.<String>status(HttpStatus.TOO_MANY_REQUESTS).body("mine");
        }
    }

    @Endpoint(id = "limited-endpoint", defaultSensitive = false)
    @RateLimit("2/h")
    @Requires(property = "spec", value = "ClassLimitTest")
    static class LimitedEndpoint {

        @Read
        public String read() {
            return helper();
        }

        String helper() {
            return "ok";
        }
    }

    @Endpoint(id = "limited-operation", defaultSensitive = false)
    @Requires(property = "spec", value = "ClassLimitTest")
    static class LimitedOperation {

        @Read
        @RateLimit("2/h")
        public String read() {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ClassLimitTest")
    static class Handler {

        @Executable
        @RateLimit("2/h")
        public String handle() {
            return "ok";
        }
    }

    @Singleton
    @RateLimit("4/h")
    @Requires(property = "spec", value = "ClassLimitTest")
    static class HelpedHandler {

        @Executable
        public String handle() {
            return helper() + this;
        }

        String helper() {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "spec", value = "ClassLimitTest")
    static class Routes extends DefaultRouteBuilder {

        Routes(ExecutionHandleLocator locator, UriNamingStrategy names, ConversionService conversions) {
            super(locator, names, conversions);
        }

        @Inject
        void routes(Handler handler, HelpedHandler helped) {
            GET("/built", handler, "handle");
            GET("/helped", helped, "handle");
        }
    }
}
