package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Handlers for all exceptions, and a handler for ours beside that of the library, keep the status of a denial. */
class CatchAllTest {

    private static TestServer start(String handler) {
        return TestServer.start(CatchAllTest.class, Map.of("handler", handler));
    }

    @ParameterizedTest
    @CsvSource({
        "none, /route",
        "none, /bean",
        "throwable, /route",
        "throwable, /bean",
        "exception, /route",
        "exception, /bean",
        "none, /local/route",
        "none, /local/bean"
    })
    void handlerForAllExceptionsKeepsDenial(String handler, String path) {
        try (TestServer server = start(handler)) {
            assertEquals(List.of(200, 429), server.calls().get(path, 2));
            HttpResponse<?> denied = server.calls().get(path);
            assertEquals(429, denied.code());
            assertNotNull(denied.header("Retry-After"));
            assertNotNull(denied.header("RateLimit"));
            assertTrue(denied.getBody(String.class).orElse("").contains("Rate limit exceeded"), "the body of a denial");
        }
    }

    @Test
    void handlerForAllExceptionsHandlesOthers() {
        try (TestServer server = start("throwable")) {
            HttpResponse<?> failed = server.calls().get("/failing");
            assertEquals(500, failed.code());
            assertEquals("failed", failed.getBody(String.class).orElse(""));
        }
    }

    @ParameterizedTest
    @CsvSource({"house, /route", "house, /bean"})
    void handlerForAllExceptionsMayRespondToDenial(String handler, String path) {
        try (TestServer server = start(handler)) {
            assertEquals(List.of(200), server.calls().get(path, 1));
            HttpResponse<?> denied = server.calls().get(path);
            assertEquals(429, denied.code());
            assertEquals("house style", denied.getBody(String.class).orElse(""));
        }
    }

    @ParameterizedTest
    @CsvSource({"own, /route", "own, /bean"})
    void handlerBesideThatOfLibraryResponds(String handler, String path) {
        try (TestServer server = start(handler)) {
            assertEquals(List.of(200), server.calls().get(path, 1));
            HttpResponse<?> denied = server.calls().get(path);
            assertEquals(429, denied.code());
            assertEquals("own handler", denied.getBody(String.class).orElse(""));
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CatchAllTest")
    static class Limited {

        @RateLimit("1/h")
        String call() {
            return "ok";
        }
    }

    @Controller
    @Requires(property = "spec", value = "CatchAllTest")
    static class Routes {

        private final Limited limited;

        Routes(Limited limited) {
            this.limited = limited;
        }

        @Get("/route")
        @RateLimit("1/h")
        String route() {
            return "ok";
        }

        @Get("/bean")
        String bean() {
            return limited.call();
        }

        @Get("/failing")
        @RateLimit("1/h")
        String failing() {
            throw new IllegalStateException("boom");
        }
    }

    @Controller("/local")
    @Requires(property = "spec", value = "CatchAllTest")
    static class Local {

        private final Limited limited;

        Local(Limited limited) {
            this.limited = limited;
        }

        @Get("/route")
        @RateLimit("1/h")
        String route() {
            return "ok";
        }

        @Get("/bean")
        String bean() {
            return limited.call();
        }

        @Error
        HttpResponse<Map<String, String>> failed(RuntimeException e) {
            return HttpResponse.badRequest(Map.of("failed", "locally"));
        }
    }

    @Controller
    @Requires(property = "spec", value = "CatchAllTest")
    @Requires(property = "handler", value = "throwable")
    static class OfThrowable {

        @Error(global = true)
        HttpResponse<String> failed(Throwable e) {
            return HttpResponse.serverError("failed");
        }
    }

    @Controller
    @Requires(property = "spec", value = "CatchAllTest")
    @Requires(property = "handler", value = "exception")
    static class OfException {

        @Error(global = true)
        HttpResponse<Map<String, String>> failed(Exception e) {
            return HttpResponse.serverError(Map.of("failed", "yes"));
        }
    }

    @Controller
    @Requires(property = "spec", value = "CatchAllTest")
    @Requires(property = "handler", value = "house")
    static class HouseStyle {

        @Error(global = true)
        HttpResponse<String> failed(Throwable e) {
            return e instanceof RateLimitExceededException
                    ? HttpResponse.<String>status(HttpStatus.TOO_MANY_REQUESTS).body("house style")
                    : HttpResponse.serverError("failed");
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CatchAllTest")
    @Requires(property = "handler", value = "own")
    static class OwnHandler implements ExceptionHandler<RateLimitExceededException, HttpResponse<String>> {

        @Override
        @SuppressWarnings("rawtypes")
        public HttpResponse<String> handle(HttpRequest request, RateLimitExceededException exception) {
            return HttpResponse.<String>status(HttpStatus.TOO_MANY_REQUESTS).body("own handler");
        }
    }
}
