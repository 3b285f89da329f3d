package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
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
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;

/** Requests hold their slots until the response is written or the client has disconnected. */
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

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    EmbeddedServer server;

    @Inject
    RateLimiter limiter;

    @Inject
    PolicyRegistry policies;

    @Inject
    Gate gate;

    Calls calls;

    @BeforeEach
    void calls() {
        calls = new Calls(client);
    }

    private long freeSlots(String policy) {
        return limiter.peek(policies.get(policy), "all", 0).remaining();
    }

    private static void await(String what, java.util.function.BooleanSupplier condition) {
        long end = System.nanoTime() + TIMEOUT.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, () -> "Timed out waiting until " + what + ".");
            LockSupport.parkNanos(1_000_000);
        }
    }

    private Socket send(String path) throws IOException {
        Socket socket = new Socket("127.0.0.1", server.getPort());
        socket.setSoTimeout((int) TIMEOUT.toMillis());
        socket.getOutputStream()
                .write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static String read(Socket socket, String until) throws IOException {
        StringBuilder read = new StringBuilder();
        while (!read.toString().endsWith(until)) {
            int next = socket.getInputStream().read();
            assertTrue(next >= 0, () -> "The server closed the connection after " + read);
            read.append((char) next);
        }
        return read.toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/two/future", "/two/flux", "/two/sync"})
    void thirdConcurrentRequestIsRejected(String path) throws IOException {
        try (Socket first = send(path);
                Socket second = send(path)) {
            await("two requests run", () -> gate.requests.get() == 2);
            HttpResponse<?> denied = calls.get(path);
            assertEquals(429, denied.code());
            assertEquals("\"two\";q=2;qu=\"concurrent-requests\"", denied.header("RateLimit-Policy"));
            assertEquals("\"two\";r=0;t=30", denied.header("RateLimit"));
            assertEquals("30", denied.header("Retry-After"));
            gate.end();
            read(first, "done");
            read(second, "done");
            await("both slots are free", () -> freeSlots("two") == 2);
        }
        assertEquals(List.of(200, 200, 200, 200), sequential(path, 4));
    }

    /** Sends requests one after the other, each after the slot of the previous one is free. */
    private List<Integer> sequential(String path, int times) {
        return java.util.stream.IntStream.range(0, times)
                .mapToObj(i -> {
                    int status = calls.get(path).code();
                    await("its slot is free", () -> freeSlots("two") == 2);
                    return status;
                })
                .toList();
    }

    @Test
    void streamHoldsSlotUntilLastByte() throws IOException {
        try (Socket socket = send("/two/flux")) {
            await("the request runs", () -> gate.requests.get() == 1);
            gate.next("chunk");
            read(socket, "chunk");
            assertEquals(1, freeSlots("two"));
            gate.end();
            read(socket, "done");
            await("the slot is free", () -> freeSlots("two") == 2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/two/future", "/two/flux", "/two/sync"})
    void disconnectReleasesSlot(String path) throws IOException {
        try (Socket first = send(path);
                Socket second = send(path)) {
            await("two requests run", () -> gate.requests.get() == 2);
            assertEquals(0, freeSlots("two"));
            first.setSoLinger(true, 0);
            second.setSoLinger(false, 0);
        }
        await("both slots are free", () -> freeSlots("two") == 2);
        gate.end();
    }

    @Test
    void disconnectDuringStreamReleasesSlot() throws IOException {
        try (Socket socket = send("/two/flux")) {
            await("the request runs", () -> gate.requests.get() == 1);
            gate.next("chunk");
            read(socket, "chunk");
        }
        await("the slot is free", () -> freeSlots("two") == 2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/two/fails", "/two/failsLater", "/two/empty"})
    void everyResponseReleasesSlot(String path) {
        for (int i = 0; i < 5; i++) {
            assertTrue(calls.get(path).code() != 429);
            await("the slot is free", () -> freeSlots("two") == 2);
        }
    }

    @Test
    void rateAndConcurrencyLimitApplyTogether() throws IOException {
        try (Socket held = send("/two/mixed")) {
            await("the request runs", () -> gate.requests.get() == 1);
            HttpResponse<?> denied = calls.get("/two/mixed");
            assertEquals(429, denied.code());
            assertEquals(
                    "\"mixed\";q=4;w=86400, \"mixed\";q=1;qu=\"concurrent-requests\"",
                    denied.header("RateLimit-Policy"));
            assertEquals("\"mixed\";r=0;t=30", denied.header("RateLimit"));
            gate.end();
            read(held, "done");
        }
        await("the slot is free", () -> freeSlots("mixed") == 1);
        for (int i = 0; i < 3; i++) {
            assertEquals(200, calls.get("/two/mixed").code(), "the denied request cost no permit");
            await(
                    "the slot is free",
                    () -> limiter.peek(policies.get("mixed").concurrencyOnly(), "all", 0)
                                    .remaining()
                            == 1);
        }
        assertTrue(calls.get("/two/mixed").header("RateLimit").startsWith("\"mixed\";r=0;t="));
    }

    @Test
    void pathRuleHoldsSlot() throws IOException {
        try (Socket held = send("/plain/future")) {
            await("the request runs", () -> gate.requests.get() == 1);
            assertEquals(429, calls.get("/plain/future").code());
            gate.end();
            read(held, "done");
        }
        await("the slot is free", () -> freeSlots("by-path") == 1);
        assertEquals(200, calls.get("/plain/future").code());
    }

    @Test
    void keyExpressionHoldsSlotUntilResponseIsWritten() throws IOException {
        try (Socket held = send("/two/argument/a")) {
            await("the request runs", () -> gate.requests.get() == 1);
            assertEquals(429, calls.get("/two/argument/a").code());
            gate.end();
            read(held, "done");
            assertEquals(200, calls.get("/two/argument/b").code());
        }
        await("the slot is free", () -> calls.get("/two/argument/a").code() == 200);
    }

    /** Blocks the routes until the test ends them. */
    @jakarta.inject.Singleton
    @Requires(property = "spec", value = "ConcurrentRequestsTest")
    static class Gate {

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

        private final Gate gate;

        Routes(Gate gate) {
            this.gate = gate;
        }

        @Get("/future")
        @RateLimit(policy = "two")
        CompletableFuture<String> future() {
            return gate.enter();
        }

        @Get("/sync")
        @ExecuteOn(TaskExecutors.BLOCKING)
        @RateLimit(policy = "two")
        String sync() {
            return gate.enter().join();
        }

        @Get("/flux")
        @Produces("text/plain")
        @RateLimit(policy = "two")
        Publisher<String> flux() {
            return Flux.defer(() -> {
                gate.enter();
                return gate.sink.asFlux();
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

        @Get("/empty")
        @RateLimit(policy = "two")
        void empty() {}

        @Get("/mixed")
        @RateLimit(policy = "mixed")
        CompletableFuture<String> mixed() {
            return gate.enter();
        }

        @Get("/argument/{name}")
        @RateLimit(value = "1 concurrent", key = "#{ name }")
        CompletableFuture<String> argument(@PathVariable String name) {
            return gate.enter();
        }
    }

    @Controller("/plain")
    @Requires(property = "spec", value = "ConcurrentRequestsTest")
    static class Plain {

        private final Gate gate;

        Plain(Gate gate) {
            this.gate = gate;
        }

        @Get("/future")
        CompletableFuture<String> future() {
            return gate.enter();
        }
    }
}
