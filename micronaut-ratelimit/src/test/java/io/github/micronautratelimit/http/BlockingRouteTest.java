package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.annotation.NonBlocking;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.sse.Event;
import jakarta.inject.Provider;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Routes that call a limited plain method wait for the store on a thread that may, so the limit is exact. */
class BlockingRouteTest {

    private static final String NON_BLOCKING = " on an event loop";

    private static TestServer start(String backend) {
        return TestServer.start(
                BlockingRouteTest.class, Map.of("ratelimit.backend", backend, "ratelimit.deadline", "30s"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/direct", "/direct/mono", "/indirect", "/provided"})
    void limitOfCalledBeanIsExact(String path) {
        try (TestServer server = start("async")) {
            Calls calls = server.calls();
            List<Integer> statuses = IntStream.range(0, 40)
                    .parallel()
                    .mapToObj(i -> calls.get(path).code())
                    .toList();
            assertEquals(10, statuses.stream().filter(code -> code == 200).count(), "exactly the limit");
            assertEquals(10, server.context().getBean(Limited.class).calls.get());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "mono", "future", "flux", "events"})
    void limitByArgumentOfRouteIsExact(String kind) {
        for (String backend : List.of("async", "memory")) {
            try (TestServer server = start(backend)) {
                Calls calls = server.calls();
                List<Integer> statuses = IntStream.range(0, 40)
                        .parallel()
                        .mapToObj(i -> calls.get("/argument/" + kind + "/a").code())
                        .toList();
                assertEquals(10, statuses.stream().filter(code -> code == 200).count(), "exactly the limit");
                assertEquals(30, statuses.stream().filter(code -> code == 429).count(), "no other status");
            }
        }
    }

    @Test
    void limitOfBeanCalledWithBodyIsExact() {
        try (TestServer server = start("async")) {
            Calls calls = server.calls();
            String body = "x".repeat(100_000);
            long granted = IntStream.range(0, 40)
                    .parallel()
                    .mapToObj(
                            i -> calls.status(HttpRequest.POST("/direct", body).contentType("text/plain")))
                    .filter(code -> code == 201 || code == 200)
                    .count();
            assertEquals(10, granted);
        }
    }

    @Test
    void otherRoutesKeepTheirThread() {
        try (TestServer server = start("async")) {
            assertTrue(server.calls()
                    .get("/other")
                    .getBody(String.class)
                    .orElse("")
                    .endsWith(NON_BLOCKING));
            assertTrue(
                    server.calls().get("/kept").getBody(String.class).orElse("").endsWith(NON_BLOCKING));
        }
        try (TestServer server = start("memory")) {
            assertTrue(server.calls()
                    .get("/direct")
                    .getBody(String.class)
                    .orElse("")
                    .endsWith(NON_BLOCKING));
            assertEquals(
                    9,
                    server.calls().get("/direct", 10).stream()
                            .filter(code -> code == 200)
                            .count());
        }
    }

    private static String thread() {
        return "ok" + (Schedulers.isInNonBlockingThread() ? NON_BLOCKING : "");
    }

    @Singleton
    @Requires(property = "spec", value = "BlockingRouteTest")
    static class Limited {

        final AtomicInteger calls = new AtomicInteger();

        @RateLimit("10/h")
        String call() {
            calls.incrementAndGet();
            return thread();
        }
    }

    @Singleton
    @Requires(property = "spec", value = "BlockingRouteTest")
    static class Between {

        private final Limited limited;

        Between(Limited limited) {
            this.limited = limited;
        }

        String call() {
            return limited.call();
        }
    }

    @Controller("/direct")
    @Requires(property = "spec", value = "BlockingRouteTest")
    static class Direct {

        private final Limited limited;

        Direct(Limited limited) {
            this.limited = limited;
        }

        @Get
        String get() {
            return limited.call();
        }

        @Get("/mono")
        Mono<String> mono() {
            return Mono.fromSupplier(limited::call);
        }

        @Post(consumes = "text/plain")
        String post(@Body String body) {
            return limited.call() + body.length();
        }
    }

    @Controller("/indirect")
    @Requires(property = "spec", value = "BlockingRouteTest")
    static class Indirect {

        private final Between between;

        Indirect(Between between) {
            this.between = between;
        }

        @Get
        String get() {
            return between.call();
        }
    }

    @Controller("/provided")
    @Requires(property = "spec", value = "BlockingRouteTest")
    static class Provided {

        private final Provider<Limited> limited;

        Provided(Provider<Limited> limited) {
            this.limited = limited;
        }

        @Get
        String get() {
            return limited.get().call();
        }
    }

    @Controller("/argument")
    @Requires(property = "spec", value = "BlockingRouteTest")
    static class Arguments {

        @Get("/plain/{name}")
        @RateLimit(value = "10/h", key = "#{ name }")
        String plain(String name) {
            return name;
        }

        @Get("/mono/{name}")
        @RateLimit(value = "10/h", key = "#{ name }")
        Mono<String> mono(String name) {
            return Mono.just(name);
        }

        @Get("/future/{name}")
        @RateLimit(value = "10/h", key = "#{ name }")
        CompletableFuture<String> future(String name) {
            return CompletableFuture.completedFuture(name);
        }

        @Get("/flux/{name}")
        @RateLimit(value = "10/h", key = "#{ name }")
        Flux<String> flux(String name) {
            return Flux.just(name, name);
        }

        @Get(value = "/events/{name}", produces = MediaType.TEXT_EVENT_STREAM)
        @RateLimit(value = "10/h; 100 concurrent", key = "#{ name }")
        Publisher<Event<String>> events(String name) {
            return Flux.just(Event.of(name), Event.of(name));
        }
    }

    @Controller("/other")
    @Requires(property = "spec", value = "BlockingRouteTest")
    static class Other {

        @Get
        @RateLimit("100/h")
        String get() {
            return thread();
        }
    }

    @NonBlocking
    @Controller("/kept")
    @Requires(property = "spec", value = "BlockingRouteTest")
    static class Kept {

        private final Limited limited;

        Kept(Limited limited) {
            this.limited = limited;
        }

        @Get
        String get() {
            return limited == null ? "" : thread();
        }
    }
}
