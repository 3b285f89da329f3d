package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.config.Policies;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.PathVariable;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;

/** A request holds its place until its response is written, or the client gone. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "ConcurrentRequestsTest")
@Property(name = "ratelimit.policies.two.limits", value = "2 concurrent")
@Property(name = "ratelimit.policies.two.key", value = "all")
@Property(name = "ratelimit.policies.mixed.limits", value = "4/day fixed, 1 concurrent")
@Property(name = "ratelimit.policies.mixed.key", value = "all")
@Property(name = "ratelimit.policies.by-path.limits", value = "1 concurrent")
@Property(name = "ratelimit.policies.by-path.key", value = "all")
@Property(name = "ratelimit.rules[0].path", value = "/plain/**")
@Property(name = "ratelimit.rules[0].policy", value = "by-path")
class ConcurrentRequestsTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    EmbeddedServer server;

    @Inject
    RateLimiter limiter;

    @Inject
    Policies policies;

    @Inject
    Open open;

    Calls calls;

    @BeforeEach
    void calls() {
        calls = new Calls(client);
    }

    private long free(String policy) {
        return limiter.peek(policies.get(policy), "all", 0).remaining();
    }

    private static void await(String what, java.util.function.BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, () -> "Waited in vain until " + what + ".");
            Thread.onSpinWait();
        }
    }

    private Socket send(String path) throws IOException {
        Socket socket = new Socket("127.0.0.1", server.getPort());
        socket.setSoTimeout((int) PATIENCE.toMillis());
        socket.getOutputStream().write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static String read(Socket socket, String until) throws IOException {
        StringBuilder read = new StringBuilder();
        while (!read.toString().endsWith(until)) {
            int next = socket.getInputStream().read();
            assertTrue(next >= 0, () -> "The server closed after " + read);
            read.append((char) next);
        }
        return read.toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/two/future", "/two/flux", "/two/sync"})
    void twoAreServedAtATimeAndTheThirdIsTold(String path) throws IOException {
        try (Socket first = send(path); Socket second = send(path)) {
            await("two are inside", () -> open.requests.get() == 2);
            HttpResponse<?> denied = calls.get(path);
            assertEquals(429, denied.code());
            assertEquals("\"two\";q=2;qu=\"concurrent-requests\"", denied.header("RateLimit-Policy"));
            assertEquals("\"two\";r=0;t=30", denied.header("RateLimit"));
            assertEquals("30", denied.header("Retry-After"));
            open.end();
            read(first, "done");
            read(second, "done");
            await("both places are free", () -> free("two") == 2);
        }
        assertEquals(List.of(200, 200, 200, 200), eachFree(path, 4));
    }

    /** One request after the other, each when the one before has given its place back. */
    private List<Integer> eachFree(String path, int times) {
        return java.util.stream.IntStream.range(0, times).mapToObj(i -> {
            int status = calls.get(path).code();
            await("its place is free again", () -> free("two") == 2);
            return status;
        }).toList();
    }

    @Test
    void aStreamHoldsItsPlaceToTheLastByte() throws IOException {
        try (Socket socket = send("/two/flux")) {
            await("it is inside", () -> open.requests.get() == 1);
            open.next("chunk");
            read(socket, "chunk");
            assertEquals(1, free("two"));
            open.end();
            read(socket, "done");
            await("the place is free", () -> free("two") == 2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/two/future", "/two/flux", "/two/sync"})
    void aClientThatGoesGivesItsPlaceBack(String path) throws IOException {
        try (Socket first = send(path); Socket second = send(path)) {
            await("two are inside", () -> open.requests.get() == 2);
            assertEquals(0, free("two"));
            first.setSoLinger(true, 0);
            second.setSoLinger(false, 0);
        }
        await("both places are free", () -> free("two") == 2);
        open.end();
    }

    @Test
    void aClientThatGoesInTheMiddleOfAStreamGivesItsPlaceBack() throws IOException {
        try (Socket socket = send("/two/flux")) {
            await("it is inside", () -> open.requests.get() == 1);
            open.next("chunk");
            read(socket, "chunk");
        }
        await("the place is free", () -> free("two") == 2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/two/fails", "/two/failsLater", "/two/nothing"})
    void whateverTheAnswerThePlaceComesBack(String path) {
        for (int i = 0; i < 5; i++) {
            assertTrue(calls.get(path).code() != 429);
            await("the place is free", () -> free("two") == 2);
        }
    }

    @Test
    void aRouteOfBothKindsCountsAndHolds() throws IOException {
        try (Socket held = send("/two/mixed")) {
            await("it is inside", () -> open.requests.get() == 1);
            HttpResponse<?> denied = calls.get("/two/mixed");
            assertEquals(429, denied.code());
            assertEquals("\"mixed\";q=4;w=86400, \"mixed\";q=1;qu=\"concurrent-requests\"", denied.header("RateLimit-Policy"));
            assertEquals("\"mixed\";r=0;t=30", denied.header("RateLimit"));
            open.end();
            read(held, "done");
        }
        await("the place is free", () -> free("mixed") == 1);
        for (int i = 0; i < 3; i++) {
            assertEquals(200, calls.get("/two/mixed").code(), "the denied one cost no permit");
            await("the place is free", () -> limiter.peek(policies.get("mixed").concurrencyOnly(), "all", 0).remaining() == 1);
        }
        assertTrue(calls.get("/two/mixed").header("RateLimit").startsWith("\"mixed\";r=0;t="));
    }

    @Test
    void aPathRuleHoldsToo() throws IOException {
        try (Socket held = send("/plain/future")) {
            await("it is inside", () -> open.requests.get() == 1);
            assertEquals(429, calls.get("/plain/future").code());
            open.end();
            read(held, "done");
        }
        await("the place is free", () -> free("by-path") == 1);
        assertEquals(200, calls.get("/plain/future").code());
    }

    @Test
    void anExpressionOverTheArgumentsHoldsUntilTheResponseIsWritten() throws IOException {
        try (Socket held = send("/two/argument/a")) {
            await("it is inside", () -> open.requests.get() == 1);
            assertEquals(429, calls.get("/two/argument/a").code());
            open.end();
            read(held, "done");
            assertEquals(200, calls.get("/two/argument/b").code());
        }
        await("the place is free", () -> calls.get("/two/argument/a").code() == 200);
    }

    /** What the routes wait for. */
    @jakarta.inject.Singleton
    @Requires(property = "spec", value = "ConcurrentRequestsTest")
    static class Open {

        final AtomicInteger requests = new AtomicInteger();
        final CompletableFuture<String> future = new CompletableFuture<>();
        final Sinks.Many<String> sink = Sinks.many().replay().all();

        CompletableFuture<String> enter() {
            requests.incrementAndGet();
            return future.copy();
        }

        void next(String text) {
            sink.tryEmitNext(text);
        }

        void end() {
            sink.tryEmitNext("done");
            sink.tryEmitComplete();
            future.complete("done");
        }
    }

    @Controller("/two")
    @Requires(property = "spec", value = "ConcurrentRequestsTest")
    static class Routes {

        private final Open open;

        Routes(Open open) {
            this.open = open;
        }

        @Get("/future")
        @RateLimit(policy = "two")
        CompletableFuture<String> future() {
            return open.enter();
        }

        @Get("/sync")
        @ExecuteOn(TaskExecutors.BLOCKING)
        @RateLimit(policy = "two")
        String sync() {
            return open.enter().join();
        }

        @Get("/flux")
        @Produces("text/plain")
        @RateLimit(policy = "two")
        Publisher<String> flux() {
            return Flux.defer(() -> {
                open.enter();
                return open.sink.asFlux();
            });
        }

        @Get("/fails")
        @RateLimit(policy = "two")
        String fails() {
            throw new IllegalStateException("wrong");
        }

        @Get("/failsLater")
        @RateLimit(policy = "two")
        CompletableFuture<String> failsLater() {
            return CompletableFuture.failedFuture(new IllegalStateException("wrong"));
        }

        @Get("/nothing")
        @RateLimit(policy = "two")
        void nothing() {
        }

        @Get("/mixed")
        @RateLimit(policy = "mixed")
        CompletableFuture<String> mixed() {
            return open.enter();
        }

        @Get("/argument/{name}")
        @RateLimit(value = "1 concurrent", key = "#{ name }")
        CompletableFuture<String> argument(@PathVariable String name) {
            return open.enter();
        }
    }

    @Controller("/plain")
    @Requires(property = "spec", value = "ConcurrentRequestsTest")
    static class Plain {

        private final Open open;

        Plain(Open open) {
            this.open = open;
        }

        @Get("/future")
        CompletableFuture<String> future() {
            return open.enter();
        }
    }
}
