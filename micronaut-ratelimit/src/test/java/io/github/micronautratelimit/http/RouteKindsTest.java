package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.key.RateLimitKeyResolver;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpMethod;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.CustomHttpMethod;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Head;
import io.micronaut.http.annotation.Options;
import io.micronaut.http.annotation.Patch;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.Put;
import io.micronaut.http.annotation.Trace;
import io.micronaut.http.server.types.files.StreamedFile;
import io.micronaut.http.server.types.files.SystemFile;
import io.micronaut.http.sse.Event;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Every kind of route and of result charges each request exactly once. */
class RouteKindsTest {

    @TempDir
    static Path folder;

    private static TestServer server;

    @BeforeAll
    static void start() throws IOException {
        Files.writeString(folder.resolve("file.txt"), "content");
        server = TestServer.start(
                RouteKindsTest.class,
                Map.of(
                        "ratelimit.policies.ruled.limits", "2/h",
                        "ratelimit.policies.ruled.key", "{ip}{bean:path}",
                        "ratelimit.rules[0].path", "/ruled/**",
                        "ratelimit.rules[0].policy", "ruled"));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static List<Integer> statuses(String method, String path) {
        List<Integer> statuses = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            MutableHttpRequest<Object> request = HttpRequest.create(HttpMethod.parse(method), path, method);
            boolean text = List.of("POST", "PUT", "PATCH").contains(method);
            statuses.add(server.calls()
                    .status(text ? request.body("text").contentType(MediaType.TEXT_PLAIN_TYPE) : request));
        }
        return statuses;
    }

    @ParameterizedTest
    @CsvSource({
        "GET, get",
        "HEAD, get",
        "HEAD, head",
        "OPTIONS, options",
        "POST, post",
        "PUT, put",
        "PATCH, patch",
        "DELETE, delete",
        "REPORT, custom",
        "GET, variable/7",
        "GET, optional",
        "GET, response",
        "GET, mono",
        "GET, mono-response",
        "GET, future-response",
        "GET, flux",
        "GET, json",
        "GET, events",
        "GET, system-file",
        "HEAD, system-file",
        "GET, executed",
        "GET, nothing",
    })
    void requestIsChargedOnce(String method, String path) {
        for (String place : List.of("/class/", "/ruled/")) {
            assertEquals(List.of(200, 200, 429), statuses(method, place + path), place + path);
        }
    }

    /**
     * With or without limits, Micronaut Servlet 4.11 does not end the response of an input stream, servlet containers
     * reject TRACE, and Jetty gives a streamed file two lengths.
     */
    @ParameterizedTest
    @CsvSource({"GET, stream", "TRACE, trace", "GET, streamed-file"})
    @Tag("netty")
    void requestThatOnlyNettyAnswersIsChargedOnce(String method, String path) {
        requestIsChargedOnce(method, path);
    }

    @ParameterizedTest
    @CsvSource({"failing, 500", "failing-mono, 500", "handled, 418", "missing, 404"})
    void requestWithoutSuccessIsChargedOnce(String path, int status) {
        for (String place : List.of("/class/", "/ruled/")) {
            assertEquals(List.of(status, status, 429), statuses("GET", place + path), place + path);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"value", "mono", "mono-response", "future", "flux", "events", "file", "response"})
    void requestIsChargedOnceByKeyFromArgument(String path) {
        assertEquals(List.of(200, 200, 429), statuses("GET", "/argument/" + path + "/a"));
        assertEquals(List.of(200, 200, 429), statuses("GET", "/argument/" + path + "/b"));
    }

    @Test
    void pathsOfOneRouteShareItsLimit() {
        assertEquals(List.of(200), server.calls().get("/paths/one", 1));
        assertEquals(List.of(200, 429), server.calls().get("/paths/two", 2));
        assertEquals(List.of(429), server.calls().get("/paths/one", 1));
    }

    @Test
    void headAndGetShareLimitOfRoute() {
        assertEquals(200, server.calls().status(HttpRequest.HEAD("/paths/read")));
        assertEquals(List.of(200, 429), server.calls().get("/paths/read", 2));
    }

    /** A key of its own for each path, so that all tests share one server. */
    @Singleton
    @Named("path")
    @Requires(property = "spec", value = "RouteKindsTest")
    static class PathKey implements RateLimitKeyResolver {

        @Override
        public Optional<String> resolve(HttpRequest<?> request) {
            return Optional.of(request.getMethodName() + request.getPath());
        }
    }

    @Controller("/paths")
    @Requires(property = "spec", value = "RouteKindsTest")
    static class Paths {

        @Get(uris = {"/one", "/two"})
        @RateLimit("2/h")
        String get() {
            return "ok";
        }

        @Get("/read")
        @RateLimit("2/h")
        String read() {
            return "ok";
        }
    }

    @Controller("/class")
    @RateLimit(value = "2/h", key = "{ip}{bean:path}")
    @Requires(property = "spec", value = "RouteKindsTest")
    static class Limited extends Kinds {}

    @Controller("/ruled")
    @Requires(property = "spec", value = "RouteKindsTest")
    static class Ruled extends Kinds {}

    @Controller("/argument")
    @Requires(property = "spec", value = "RouteKindsTest")
    static class Arguments {

        @Get("/value/{name}")
        @RateLimit(value = "2/h", key = "#{ name }")
        String value(String name) {
            return name;
        }

        @Get("/mono/{name}")
        @RateLimit(value = "2/h", key = "#{ name }")
        Mono<String> mono(String name) {
            return Mono.just(name);
        }

        @Get("/mono-response/{name}")
        @RateLimit(value = "2/h", key = "#{ name }")
        Mono<HttpResponse<String>> monoResponse(String name) {
            return Mono.just(HttpResponse.ok(name));
        }

        @Get("/future/{name}")
        @RateLimit(value = "2/h", key = "#{ name }")
        CompletableFuture<HttpResponse<String>> future(String name) {
            return CompletableFuture.completedFuture(HttpResponse.ok(name));
        }

        @Get("/flux/{name}")
        @RateLimit(value = "2/h", key = "#{ name }")
        Flux<String> flux(String name) {
            return Flux.just(name, name);
        }

        @Get("/events/{name}")
        @Produces(MediaType.TEXT_EVENT_STREAM)
        @RateLimit(value = "2/h", key = "#{ name }")
        Publisher<Event<String>> events(String name) {
            return Flux.just(Event.of(name), Event.of(name));
        }

        @Get("/file/{name}")
        @RateLimit(value = "2/h", key = "#{ name }")
        SystemFile file(String name) {
            return new SystemFile(folder.resolve("file.txt").toFile());
        }

        @Get("/response/{name}")
        @RateLimit(value = "2/h", key = "#{ name }")
        HttpResponse<?> response(String name) {
            return HttpResponse.ok(name);
        }
    }

    /** Routes of all kinds, which two controllers inherit. */
    abstract static class Kinds {

        @Get("/get")
        String get() {
            return "ok";
        }

        @Head("/head")
        HttpResponse<?> head() {
            return HttpResponse.ok();
        }

        @Options("/options")
        String options() {
            return "ok";
        }

        @Post("/post")
        @Consumes(MediaType.TEXT_PLAIN)
        String post(@Body String body) {
            return body;
        }

        @Put("/put")
        @Consumes(MediaType.TEXT_PLAIN)
        String put(@Body String body) {
            return body;
        }

        @Patch("/patch")
        @Consumes(MediaType.TEXT_PLAIN)
        String patch(@Body String body) {
            return body;
        }

        @Delete("/delete")
        String delete() {
            return "ok";
        }

        @Trace("/trace")
        String trace() {
            return "ok";
        }

        @CustomHttpMethod(method = "REPORT", value = "/custom")
        String custom() {
            return "ok";
        }

        @Get("/variable/{id}")
        String variable(int id) {
            return "ok" + id;
        }

        @Get("/optional")
        Optional<String> optional() {
            return Optional.of("ok");
        }

        @Get("/response")
        HttpResponse<?> response() {
            return HttpResponse.ok("ok");
        }

        @Get("/mono")
        Mono<String> mono() {
            return Mono.just("ok");
        }

        @Get("/mono-response")
        Mono<HttpResponse<?>> monoResponse() {
            return Mono.just(HttpResponse.ok("ok"));
        }

        @Get("/future-response")
        CompletableFuture<HttpResponse<String>> futureResponse() {
            return CompletableFuture.completedFuture(HttpResponse.ok("ok"));
        }

        @Get("/flux")
        @Produces(MediaType.TEXT_PLAIN)
        Flux<String> flux() {
            return Flux.just("o", "k");
        }

        @Get("/json")
        Flux<Integer> json() {
            return Flux.just(1, 2, 3);
        }

        @Get("/events")
        @Produces(MediaType.TEXT_EVENT_STREAM)
        Publisher<Event<String>> events() {
            return Flux.just(Event.of("o"), Event.of("k"));
        }

        @Get("/system-file")
        SystemFile systemFile() {
            return new SystemFile(folder.resolve("file.txt").toFile());
        }

        @Get("/streamed-file")
        StreamedFile streamedFile() {
            return new StreamedFile(stream(), MediaType.TEXT_PLAIN_TYPE);
        }

        @Get("/stream")
        InputStream stream() {
            return new ByteArrayInputStream("content".getBytes(StandardCharsets.UTF_8));
        }

        @Get("/executed")
        @ExecuteOn(TaskExecutors.BLOCKING)
        String executed() {
            return "ok";
        }

        @Get("/nothing")
        void nothing() {}

        @Get("/failing")
        String failing() {
            throw new IllegalArgumentException("failed");
        }

        @Get("/failing-mono")
        Mono<String> failingMono() {
            return Mono.error(new IllegalArgumentException("failed"));
        }

        @Get("/handled")
        String handled() {
            throw new IllegalStateException("failed");
        }

        @Get("/missing")
        HttpResponse<?> missing() {
            return HttpResponse.notFound();
        }

        @Error
        HttpResponse<?> handle(IllegalStateException e) {
            return HttpResponse.status(HttpStatus.I_AM_A_TEAPOT);
        }

        @Error(status = HttpStatus.NOT_FOUND)
        HttpResponse<?> notFound() {
            return HttpResponse.notFound("handled");
        }
    }
}
