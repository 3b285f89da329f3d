package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.client.annotation.Client;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Requests to routes that wait in turn. The clock of the limits moves only when the test moves it. */
class WaitingRouteTest {

    private static final AtomicInteger CALLS = new AtomicInteger();

    private final HttpClient client = HttpClient.newHttpClient();

    private CompletableFuture<Integer> get(TestServer server, String path) {
        return client.sendAsync(
                        HttpRequest.newBuilder(URI.create("http://localhost:" + server.port() + path))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .thenApply(HttpResponse::statusCode)
                .orTimeout(30, TimeUnit.SECONDS);
    }

    private static TestServer start(Map<String, Object> properties) {
        return TestServer.start(WaitingRouteTest.class, properties);
    }

    private static void waiting(TestServer server, long callers) throws Exception {
        RateLimiter limiter = server.context().getBean(RateLimiter.class);
        Eventually.equal(callers, () -> limiter.stats().waiting());
    }

    private static void refill(TestServer server) {
        server.context().getBean(VirtualClock.class).advance(100_000);
    }

    @Test
    void requestsWaitWithoutOccupyingTheEventLoop() throws Exception {
        // With one event loop, a request that occupied it would stop all others.
        try (TestServer server = start(Map.of("micronaut.netty.event-loops.default.num-threads", 1))) {
            assertEquals(200, get(server, "/shaped").join());
            CompletableFuture<Integer> second = get(server, "/shaped");
            waiting(server, 1);
            CompletableFuture<Integer> third = get(server, "/shaped");
            waiting(server, 2);
            assertEquals(200, get(server, "/free").join());
            assertFalse(second.isDone());
            refill(server);
            assertEquals(200, second.join());
            assertFalse(third.isDone());
            refill(server);
            assertEquals(200, third.join());
        }
    }

    @Test
    void requestsBeyondTheBoundAreRejected() throws Exception {
        try (TestServer server = start(Map.of("ratelimit.max-waiting-per-key", 1))) {
            assertEquals(200, get(server, "/shaped").join());
            CompletableFuture<Integer> second = get(server, "/shaped");
            waiting(server, 1);
            assertEquals(429, get(server, "/shaped").join());
            refill(server);
            assertEquals(200, second.join());
        }
    }

    @Test
    void requestWhoseTurnComesTooLateIsRejected() {
        try (TestServer server = start(Map.of())) {
            assertEquals(200, get(server, "/brief").join());
            assertEquals(429, get(server, "/brief").join());
        }
    }

    @Test
    void requestOfADisconnectedClientLeavesTheQueue() throws Exception {
        try (TestServer server = start(Map.of())) {
            assertEquals(200, get(server, "/shaped").join());
            int calls = CALLS.get();
            try (Socket socket = new Socket("localhost", server.port())) {
                send(socket);
                waiting(server, 1);
            }
            waiting(server, 0);
            refill(server);
            assertEquals(200, get(server, "/shaped").join());
            assertEquals(calls + 1, CALLS.get());
        }
    }

    private static void send(Socket socket) throws IOException {
        socket.getOutputStream()
                .write("GET /shaped HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void rulesShapeToo() throws Exception {
        try (TestServer server = start(Map.of(
                "ratelimit.policies.slow.limits", "10/s burst 1",
                "ratelimit.policies.slow.max-wait", "1m",
                "ratelimit.rules[0].path", "/free",
                "ratelimit.rules[0].policy", "slow"))) {
            assertEquals(200, get(server, "/free").join());
            CompletableFuture<Integer> second = get(server, "/free");
            waiting(server, 1);
            refill(server);
            assertEquals(200, second.join());
        }
    }

    @Test
    void slotIsWaitedForAndReleased() throws Exception {
        try (TestServer server = start(Map.of())) {
            CompletableFuture<Integer> first = get(server, "/slot");
            Eventually.equal(true, () -> Slots.open != null);
            CompletableFuture<Integer> second = get(server, "/slot");
            waiting(server, 1);
            CompletableFuture<String> open = Slots.open;
            Slots.open = null;
            open.complete("done");
            assertEquals(200, first.join());
            Eventually.equal(true, () -> Slots.open != null);
            Slots.open.complete("done");
            assertEquals(200, second.join());
        }
    }

    @Test
    void declarativeClientWaits() throws Exception {
        try (TestServer server = start(Map.of())) {
            Partner partner = server.context().getBean(Partner.class);
            assertEquals("ok", partner.call().block());
            CompletableFuture<String> second = partner.call().toFuture();
            waiting(server, 1);
            refill(server);
            assertEquals("ok", second.orTimeout(30, TimeUnit.SECONDS).join());
            assertTrue(partner.call() instanceof Mono);
        }
    }

    /** With the limits in memory, too: the call of the route would block its event loop. */
    @Test
    void plainMethodThatWaitsRunsOffTheEventLoop() throws Exception {
        try (TestServer server = start(Map.of("micronaut.netty.event-loops.default.num-threads", 1))) {
            assertEquals(200, get(server, "/calling").join());
            CompletableFuture<Integer> second = get(server, "/calling");
            waiting(server, 1);
            assertEquals(200, get(server, "/free").join());
            refill(server);
            assertEquals(200, second.join());
        }
    }

    @Singleton
    @Requires(property = "spec", value = "WaitingRouteTest")
    static class Work {

        @RateLimit(value = "10/s burst 1", maxWait = "1m")
        String work() {
            return "ok";
        }
    }

    @Controller
    @Requires(property = "spec", value = "WaitingRouteTest")
    static class Calling {

        private final Work work;

        Calling(Work work) {
            this.work = work;
        }

        @Get("/calling")
        String calling() {
            return work.work();
        }
    }

    @Client("/free")
    @Requires(property = "spec", value = "WaitingRouteTest")
    interface Partner {

        @Get
        @RateLimit(value = "10/s burst 1", maxWait = "1m")
        Mono<String> call();
    }

    @Controller
    @Requires(property = "spec", value = "WaitingRouteTest")
    static class Slots {

        static volatile CompletableFuture<String> open;

        @Get("/slot")
        @RateLimit(value = "1 concurrent", maxWait = "1m")
        CompletableFuture<String> slot() {
            CompletableFuture<String> made = new CompletableFuture<>();
            open = made;
            return made;
        }

        @Get("/shaped")
        @RateLimit(value = "10/s burst 1", maxWait = "1m")
        String shaped() {
            CALLS.incrementAndGet();
            return "ok";
        }

        @Get("/brief")
        @RateLimit(value = "10/s burst 1", maxWait = "99ms")
        String brief() {
            return "ok";
        }

        @Get("/free")
        String free() {
            return "ok";
        }
    }
}
