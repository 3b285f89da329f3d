package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Applications that create the responses to denied requests themselves. */
class CustomDenialResponseTest {

    @Test
    void errorMethodOfControllerResponds() {
        assertEquals("418 controller", secondResponse("error-route", "/local"));
    }

    @Test
    void globalErrorMethodResponds() {
        assertEquals("503 global", secondResponse("error-route", "/other"));
    }

    @Test
    void replacedHandlerResponds() {
        assertEquals("503 handler", secondResponse("handler", "/other"));
    }

    @Test
    void routesAreUnlimitedIfDisabled() {
        try (EmbeddedServer server = ApplicationContext.run(
                        EmbeddedServer.class,
                        Map.of(
                                "custom-response",
                                "disabled",
                                "ratelimit.enabled",
                                "false",
                                "micronaut.server.port",
                                -1),
                        "test");
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            assertEquals(List.of(200, 200, 200), new Calls(client).get("/other", 3));
        }
    }

    private static String secondResponse(String spec, String path) {
        try (EmbeddedServer server = ApplicationContext.run(
                        EmbeddedServer.class, Map.of("custom-response", spec, "micronaut.server.port", -1), "test");
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            Calls calls = new Calls(client);
            assertEquals(200, calls.get(path).code());
            HttpResponse<?> response = calls.get(path);
            return response.code() + " " + response.getBody(String.class).orElse("");
        }
    }

    @Controller("/local")
    @Requires(property = "custom-response")
    static class Local {

        @Get
        @RateLimit("1/day")
        String local() {
            return "ok";
        }

        @Error(exception = RateLimitExceededException.class)
        @Produces("text/plain")
        HttpResponse<String> denied() {
            return HttpResponse.<String>status(HttpStatus.I_AM_A_TEAPOT).body("controller");
        }
    }

    @Controller("/other")
    @Requires(property = "custom-response")
    static class Other {

        @Get
        @RateLimit("1/day")
        String other() {
            return "ok";
        }
    }

    @Controller("/global")
    @Requires(property = "custom-response", value = "error-route")
    static class Global {

        @Error(global = true, exception = RateLimitExceededException.class)
        @Produces("text/plain")
        HttpResponse<String> denied() {
            return HttpResponse.<String>status(HttpStatus.SERVICE_UNAVAILABLE).body("global");
        }
    }

    @Singleton
    @Produces("text/plain")
    @Replaces(RateLimitExceededHandler.class)
    @Requires(property = "custom-response", value = "handler")
    static class Handler implements ExceptionHandler<RateLimitExceededException, HttpResponse<String>> {

        @Override
        @SuppressWarnings("rawtypes")
        public HttpResponse<String> handle(HttpRequest request, RateLimitExceededException exception) {
            return HttpResponse.<String>status(HttpStatus.SERVICE_UNAVAILABLE).body("handler");
        }
    }
}
