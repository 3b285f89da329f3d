package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.sse.Event;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A stream that begins with the denial of a bean is answered like any other denial; other streams are not changed. */
class StreamDenialTest {

    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.start(
                StreamDenialTest.class,
                Map.of(
                        "micronaut.server.cors.enabled",
                        "true",
                        "micronaut.server.cors.localhost-pass-through",
                        "true"));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "json",
                "text",
                "events",
                "response",
                "mapped",
                "of-mono",
                "of-stage",
                "of-method",
                "other-thread",
                "executed",
                "limited-route"
            })
    void denialIsAnsweredWith429(String path) {
        assertEquals(200, server.calls().get("/streams/" + path).code());

        HttpResponse<?> denied = server.calls().get("/streams/" + path, "Origin", "http://shop.example");

        assertEquals(429, denied.code());
        assertTrue(Integer.parseInt(denied.header("Retry-After")) > 3000);
        assertEquals("no-store", denied.header("Cache-Control"));
        assertTrue(denied.header("RateLimit").contains("r=0"), denied.header("RateLimit"));
        assertEquals(
                "application/problem+json",
                denied.getContentType().orElseThrow().getName());
        assertTrue(denied.getBody(String.class).orElseThrow().contains("quota-exceeded"));
        assertNotNull(denied.header("Access-Control-Allow-Origin"));
    }

    @Test
    void errorMethodAnswersDenial() {
        assertEquals(200, server.calls().get("/handled-streams").code());
        assertEquals(503, server.calls().get("/handled-streams").code());
    }

    @Test
    void routeMayHandleDenialItself() {
        assertEquals("\"ok\"", "\"" + body("/streams/resumed") + "\"");
        assertEquals("none", body("/streams/resumed"));
    }

    @Test
    void allItemsOfLongStreamAreSentInOrder() {
        StringBuilder expected = new StringBuilder();
        for (int i = 0; i < 10_000; i++) {
            expected.append(i).append('\n');
        }
        assertEquals(expected.toString(), body("/streams/long"));
    }

    /** Undertow sometimes sends no body for an empty stream, also without limits. */
    @Test
    @Tag("netty")
    void emptyStreamIsSent() {
        assertEquals("[]", body("/streams/empty"));
    }

    @Test
    void otherFailureIsNotDenial() {
        assertEquals(500, server.calls().get("/streams/failing").code());
    }

    @Test
    @Tag("netty")
    void streamWithoutItemsIsCancelledWhenClientDisconnects() throws Exception {
        try (Socket socket = new Socket("localhost", server.port())) {
            socket.getOutputStream()
                    .write("GET /streams/silent HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            assertTrue(server.context().getBean(Streams.class).subscribed.await(30, TimeUnit.SECONDS));
        }
        assertTrue(server.context().getBean(Streams.class).cancelled.await(30, TimeUnit.SECONDS));
    }

    @Test
    @Tag("netty")
    void streamIsCancelledWhenClientDisconnectsAfterFirstItem() throws Exception {
        try (Socket socket = new Socket("localhost", server.port())) {
            socket.getOutputStream()
                    .write("GET /streams/one-of-many HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            assertNotEquals(-1, readUntil(socket.getInputStream(), '#'));
        }
        assertTrue(server.context().getBean(Streams.class).cancelledAfterItem.await(30, TimeUnit.SECONDS));
    }

    private static int readUntil(InputStream in, char end) throws IOException {
        int read = in.read();
        while (read != -1 && read != end) {
            read = in.read();
        }
        return read;
    }

    private static String body(String path) {
        return server.calls().get(path).getBody(String.class).orElseThrow();
    }

    @Singleton
    @Requires(property = "spec", value = "StreamDenialTest")
    static class Source {

        @RateLimit(value = "1/h", key = "#{ name }")
        Flux<String> stream(String name) {
            return Flux.just("o", "k");
        }

        @RateLimit(value = "1/h", key = "#{ name }")
        Mono<String> mono(String name) {
            return Mono.just("ok");
        }

        @RateLimit(value = "1/h", key = "#{ name }")
        CompletableFuture<String> stage(String name) {
            return CompletableFuture.completedFuture("ok");
        }

        @RateLimit(value = "1/h", key = "#{ name }")
        String method(String name) {
            return "ok";
        }
    }

    @Controller("/streams")
    @Requires(property = "spec", value = "StreamDenialTest")
    static class Streams {

        private final CountDownLatch subscribed = new CountDownLatch(1);
        private final CountDownLatch cancelled = new CountDownLatch(1);
        private final CountDownLatch cancelledAfterItem = new CountDownLatch(1);

        private final Source source;

        Streams(Source source) {
            this.source = source;
        }

        @Get("/json")
        Flux<String> json() {
            return source.stream("json");
        }

        @Get("/text")
        @Produces(MediaType.TEXT_PLAIN)
        Publisher<String> text() {
            return source.stream("text");
        }

        @Get("/events")
        @Produces(MediaType.TEXT_EVENT_STREAM)
        Publisher<Event<String>> events() {
            return source.stream("events").map(Event::of);
        }

        @Get("/response")
        HttpResponse<Flux<String>> response() {
            return HttpResponse.ok(source.stream("response"));
        }

        @Get("/mapped")
        Flux<Map<String, String>> mapped() {
            return source.stream("mapped").map(item -> Map.of("item", item)).concatWith(Flux.just(Map.of()));
        }

        @Get("/of-mono")
        Flux<String> ofMono() {
            return Flux.from(source.mono("of-mono"));
        }

        @Get("/of-stage")
        Flux<String> ofStage() {
            return Flux.defer(() -> Mono.fromFuture(source.stage("of-stage")));
        }

        @Get("/of-method")
        Flux<String> ofMethod() {
            return Flux.just("of-method").map(source::method);
        }

        @Get("/other-thread")
        Flux<String> otherThread() {
            return source.stream("other-thread").subscribeOn(Schedulers.boundedElastic());
        }

        @Get("/executed")
        @ExecuteOn(TaskExecutors.BLOCKING)
        Flux<String> executed() {
            return source.stream("executed");
        }

        @Get("/limited-route")
        @RateLimit("100/h")
        Flux<String> limitedRoute() {
            return source.stream("limited-route");
        }

        @Get("/resumed")
        @Produces(MediaType.TEXT_PLAIN)
        Flux<String> resumed() {
            return source.stream("resumed").onErrorResume(RateLimitExceededException.class, e -> Flux.just("none"));
        }

        @Get("/long")
        @Produces(MediaType.TEXT_PLAIN)
        Flux<String> longStream() {
            return Flux.range(0, 10_000).map(i -> i + "\n");
        }

        @Get("/empty")
        Flux<Integer> empty() {
            return Flux.empty();
        }

        @Get("/failing")
        Flux<Integer> failing() {
            return Flux.error(new IllegalStateException("failed"));
        }

        @Get("/silent")
        @Produces(MediaType.TEXT_EVENT_STREAM)
        Flux<Event<String>> silent() {
            return Flux.<Event<String>>never()
                    .doOnSubscribe(subscription -> subscribed.countDown())
                    .doOnCancel(cancelled::countDown);
        }

        @Get("/one-of-many")
        @Produces(MediaType.TEXT_PLAIN)
        Flux<String> oneOfMany() {
            return Flux.just("#").concatWith(Flux.never()).doOnCancel(cancelledAfterItem::countDown);
        }
    }

    @Controller("/handled-streams")
    @Requires(property = "spec", value = "StreamDenialTest")
    static class Handled {

        private final Source source;

        Handled(Source source) {
            this.source = source;
        }

        @Get
        Flux<String> get() {
            return source.stream("handled");
        }

        @Error
        HttpResponse<?> denied(RateLimitExceededException denial) {
            return HttpResponse.status(io.micronaut.http.HttpStatus.SERVICE_UNAVAILABLE);
        }
    }
}
