package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

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

/** An application may answer denials itself. */
class OwnAnswerTest {

    @Test
    void anErrorMethodOfTheControllerAnswers() {
        assertEquals("418 of the controller", secondAnswer("error-route", "/own/local"));
    }

    @Test
    void aGlobalErrorMethodAnswers() {
        assertEquals("503 of everybody", secondAnswer("error-route", "/other"));
    }

    @Test
    void aHandlerInPlaceOfOursAnswers() {
        assertEquals("503 of the handler", secondAnswer("handler", "/other"));
    }

    @Test
    void disabledNoRouteIsLimited() {
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class,
                Map.of("own-answer", "disabled", "ratelimit.enabled", "false", "micronaut.server.port", -1), "test");
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            assertEquals(List.of(200, 200, 200), new Calls(client).get("/other", 3));
        }
    }

    private static String secondAnswer(String spec, String path) {
        try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class,
                Map.of("own-answer", spec, "micronaut.server.port", -1), "test");
                HttpClient client = server.getApplicationContext().createBean(HttpClient.class, server.getURL())) {
            Calls calls = new Calls(client);
            assertEquals(200, calls.get(path).code());
            HttpResponse<?> answer = calls.get(path);
            return answer.code() + " " + answer.getBody(String.class).orElse("");
        }
    }

    @Controller("/own")
    @Requires(property = "own-answer")
    static class Own {

        @Get("/local")
        @RateLimit("1/day")
        String local() {
            return "ok";
        }

        @Error(exception = RateLimitExceededException.class)
        @Produces("text/plain")
        HttpResponse<String> denied() {
            return HttpResponse.<String>status(HttpStatus.I_AM_A_TEAPOT).body("of the controller");
        }
    }

    @Controller("/other")
    @Requires(property = "own-answer")
    static class Other {

        @Get
        @RateLimit("1/day")
        String other() {
            return "ok";
        }
    }

    @Controller("/global")
    @Requires(property = "own-answer", value = "error-route")
    static class Global {

        @Error(global = true, exception = RateLimitExceededException.class)
        @Produces("text/plain")
        HttpResponse<String> denied() {
            return HttpResponse.<String>status(HttpStatus.SERVICE_UNAVAILABLE).body("of everybody");
        }
    }

    @Singleton
    @Produces("text/plain")
    @Replaces(RateLimitExceededHandler.class)
    @Requires(property = "own-answer", value = "handler")
    static class Handler implements ExceptionHandler<RateLimitExceededException, HttpResponse<String>> {

        @Override
        @SuppressWarnings("rawtypes")
        public HttpResponse<String> handle(HttpRequest request, RateLimitExceededException exception) {
            return HttpResponse.<String>status(HttpStatus.SERVICE_UNAVAILABLE).body("of the handler");
        }
    }
}
