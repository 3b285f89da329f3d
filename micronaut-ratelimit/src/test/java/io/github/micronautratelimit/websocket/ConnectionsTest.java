package io.github.micronautratelimit.websocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.AsyncBackend.Mood;
import io.github.micronautratelimit.AsyncBackend.Shared;
import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.core.version.VersionUtils;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.websocket.WebSocketSession;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.OnOpen;
import io.micronaut.websocket.annotation.ServerWebSocket;
import jakarta.inject.Singleton;

/** Limits on connections to a WebSocket: how many may be open at once, and how often one may be opened. */
class ConnectionsTest {

    @Test
    void fiveMayBeOpenTheSixthIsRefusedAndWhenOneHasGoneTheNextIsAccepted() throws Exception {
        try (EmbeddedServer server = start(Map.of())) {
            List<Socket> open = open(server, 5, "/five?token=alice");
            HttpResponse<?> refused = Socket.refused(server, "/five?token=alice");
            assertEquals(429, refused.statusCode());
            assertEquals(Optional.of("\"five\";q=5;qu=\"concurrent-requests\""),
                    refused.headers().firstValue("RateLimit-Policy"));
            assertEquals(Optional.of("\"five\";r=0;t=30"), refused.headers().firstValue("RateLimit"));
            assertEquals(Optional.of("30"), refused.headers().firstValue("Retry-After"));
            assertEquals(5, open(server, 5, "/five?token=bob").size(), "bob's are his own");
            assertEquals(0, free(server, "alice"));
            assertEquals(new Socket.End(1000, "bye"), open.get(2).leave());
            Eventually.equal(1L, () -> free(server, "alice"));
            assertEquals("a", Socket.open(server, "/five?token=alice").send("a").next());
            assertEquals(429, Socket.refused(server, "/five?token=alice").statusCode());
        }
    }

    @Test
    void aPlaceComesFreeHoweverAConnectionEnds() throws Exception {
        try (EmbeddedServer server = start(Map.of())) {
            Socket.open(server, "/five?token=alice").leave();
            Eventually.equal(5L, () -> free(server, "alice"));
            Socket.open(server, "/five?token=alice").drop();
            Eventually.equal(5L, () -> free(server, "alice"));
            assertEquals(new Socket.End(1000, "Normal Closure"),
                    Socket.open(server, "/five?token=alice").send("close me").end());
            Eventually.equal(5L, () -> free(server, "alice"));
            assertEquals(1011, Socket.open(server, "/five?token=alice").send("throw").end().code());
            Eventually.equal(5L, () -> free(server, "alice"));
            assertEquals(1011, Socket.open(server, "/five?token=alice&fail=1").end().code());
            Eventually.equal(5L, () -> free(server, "alice"));
        }
    }

    @Test
    void aClientThatWaitsForTheServerToCloseDoesNotWaitLong() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                java.net.Socket raw = raw(server, "/five?token=alice", "Sec-WebSocket-Version: 13\r\n")) {
            headOf(raw);
            assertEquals(4, free(server, "alice"));
            raw.getOutputStream().write(new byte[] {(byte) 0x88, (byte) 0x80, 0, 0, 0, 0});
            assertEquals(List.of(0x88, 0x00, -1), List.of(raw.getInputStream().read(), raw.getInputStream().read(),
                    raw.getInputStream().read()), "a close frame, and the end");
            Eventually.equal(5L, () -> free(server, "alice"));
        }
    }

    @Test
    void aPlaceComesFreeIfTheConnectionDoesNotOpenAfterAll() throws Exception {
        try (EmbeddedServer server = start(Map.of())) {
            assertEquals(403, Socket.refused(server, "/five?token=alice&forbidden=1").statusCode());
            Eventually.equal(5L, () -> free(server, "alice"));
            try (java.net.Socket raw = raw(server, "/five?token=alice", "Sec-WebSocket-Version: 99\r\n")) {
                assertTrue(headOf(raw).startsWith("HTTP/1.1 426"));
            }
            Eventually.equal(5L, () -> free(server, "alice"));
            try (java.net.Socket raw = raw(server, "/five?token=alice", "")) {
                raw.getOutputStream().flush();
            }
            Eventually.equal(5L, () -> free(server, "alice"));
            assertEquals("a", Socket.open(server, "/five?token=alice").send("a").next());
        }
    }

    @Test
    void anOpenedConnectionIsToldHowItStands() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                java.net.Socket raw = raw(server, "/often?token=alice", "Sec-WebSocket-Version: 13\r\n")) {
            String head = headOf(raw);
            assertTrue(head.startsWith("HTTP/1.1 101"), head);
            assertTrue(head.toLowerCase(Locale.ROOT).contains("ratelimit: \"often\";r=1;t="), head);
        }
    }

    @Test
    void connectionsThatComeTooOftenAreRefusedUntilTheirTime() throws Exception {
        try (EmbeddedServer server = start(Map.of())) {
            open(server, 2, "/often?token=alice").forEach(Socket::leave);
            HttpResponse<?> refused = Socket.refused(server, "/often?token=alice");
            assertEquals(429, refused.statusCode());
            assertEquals(Optional.of("30"), refused.headers().firstValue("Retry-After"));
            clock(server).advance(30_000_000);
            assertEquals("a", Socket.open(server, "/often?token=alice").send("a").next());
        }
    }

    @Test
    void aRefusedConnectionMayBeOpenedAndClosedWithACodeAndTheTimeToWait() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.reject", "close"))) {
            List<Socket> open = open(server, 5, "/five?token=alice");
            assertEquals(new Socket.End(1008, "retry-after=30"), Socket.open(server, "/five?token=alice").end());
            open(server, 2, "/often?token=alice");
            assertEquals(new Socket.End(1013, "retry-after=30"), Socket.open(server, "/often?token=alice").end());
            assertEquals(List.of("a"), open.get(0).send("a").next(1));
            assertEquals(7, server.getApplicationContext().getBean(Opened.class).count,
                    "the application does not see those that were refused");
            assertEquals(200, raw200(server), "other requests are none of it");
        }
    }

    @Test
    void placesAreSharedByInstancesAndThoseOfAnInstanceThatStopsComeFree() throws Exception {
        Shared store = new Shared(new MemoryBackend(new VirtualClock(0), 1_000));
        try (EmbeddedServer one = start(Map.of("ratelimit.backend", "async"), store);
                EmbeddedServer other = start(Map.of("ratelimit.backend", "async"), store)) {
            open(one, 3, "/five?token=alice");
            open(other, 2, "/five?token=alice");
            assertEquals(429, Socket.refused(other, "/five?token=alice").statusCode());
            one.stop();
            Eventually.equal(3L, () -> free(other, "alice"));
            open(other, 3, "/five?token=alice");
            assertEquals(429, Socket.refused(other, "/five?token=alice").statusCode());
        }
    }

    @Test
    void placesOfAnInstanceThatIsKilledComeFreeAfterOneLeaseTime() throws Exception {
        VirtualClock clock = new VirtualClock(0);
        Shared store = new Shared(new MemoryBackend(clock, 1_000));
        try (EmbeddedServer one = start(Map.of("ratelimit.backend", "async"), store);
                EmbeddedServer other = start(Map.of("ratelimit.backend", "async"), store)) {
            open(one, 5, "/five?token=alice");
            // From here on nothing it does reaches the store.
            one.getApplicationContext().getBean(AsyncBackend.class).mood = Mood.FAILS;
            one.stop();
            clock.advance(29_999_999);
            assertEquals(429, Socket.refused(other, "/five?token=alice").statusCode());
            clock.advance(1);
            open(other, 5, "/five?token=alice");
            assertEquals(429, Socket.refused(other, "/five?token=alice").statusCode());
        }
    }

    @Test
    void aThousandThatComeAndGoAtRandomLeaveNoTrace() throws Exception {
        ExecutorService clients = Executors.newFixedThreadPool(20);
        try (EmbeddedServer server = start(Map.of())) {
            List<Future<Integer>> done = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                int seed = i;
                done.add(clients.submit(() -> comeAndGo(server, new Random(seed))));
            }
            int accepted = 0;
            for (Future<Integer> each : done) {
                accepted += each.get();
            }
            assertTrue(accepted >= 10, () -> "some were let in");
            Eventually.equal(10L, () -> server.getApplicationContext().getBean(RateLimiter.class)
                    .peek(policy(server, "ten"), "", 0).remaining());
            assertEquals(10, open(server, 10, "/ten").size());
            assertEquals(429, Socket.refused(server, "/ten").statusCode());
        } finally {
            clients.shutdownNow();
        }
    }

    private static int comeAndGo(EmbeddedServer server, Random random) throws Exception {
        Socket socket;
        try {
            socket = Socket.open(server, "/ten");
        } catch (CompletionException refused) {
            return 0;
        }
        int way = random.nextInt(4);
        if (way == 0) {
            socket.leave();
        } else if (way == 1) {
            socket.send("close me").end();
        } else if (way == 2) {
            socket.send("a").next();
            socket.drop();
        } else {
            socket.drop();
        }
        return 1;
    }

    @Test
    void whileTheStoreIsAwayNobodyIsLetInUnlessThePolicySaysOtherwiseAndWhoIsInStays() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.backend", "async", "ratelimit.on-error", "open",
                "ratelimit.policies.lenient.on-error", "open"))) {
            AsyncBackend store = server.getApplicationContext().getBean(AsyncBackend.class);
            Socket before = Socket.open(server, "/five?token=alice");
            store.mood = Mood.FAILS;
            assertEquals(429, Socket.refused(server, "/five?token=alice").statusCode());
            assertEquals(429, Socket.refused(server, "/inline").statusCode());
            assertEquals("a", Socket.open(server, "/lenient").send("a").next());
            assertEquals("b", before.send("b").next());
        }
    }

    @Test
    void aPlaceThatWasLostWhileTheStoreWasAwayIsTakenAgainAndOneLeftMeanwhileComesFree() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.backend", "async"))) {
            AsyncBackend store = server.getApplicationContext().getBean(AsyncBackend.class);
            Socket stays = Socket.open(server, "/brief?token=alice");
            Socket goes = Socket.open(server, "/brief?token=alice");
            Eventually.equal(1L, () -> freeOf(server, "brief", "alice"));
            store.mood = Mood.FAILS;
            goes.leave();
            clock(server).advance(2_000_000);
            store.mood = Mood.ANSWERS;
            Eventually.equal(2L, () -> freeOf(server, "brief", "alice"));
            assertEquals("a", stays.send("a").next());
        }
    }

    @Test
    void aRequestThatOpensNothingIsLimitedAsAnyOther() throws Exception {
        try (EmbeddedServer server = start(Map.of())) {
            java.net.http.HttpClient client = java.net.http.HttpClient.newHttpClient();
            List<Integer> statuses = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                statuses.add(client.send(java.net.http.HttpRequest.newBuilder(
                        URI.create(server.getURI() + "/often?token=alice")).build(),
                        HttpResponse.BodyHandlers.discarding()).statusCode());
            }
            assertTrue(statuses.get(0) >= 400 && statuses.get(0) != 429, statuses::toString);
            // Micronaut 5 answers such a request itself, before any filter.
            int answer = VersionUtils.isAtLeastMicronautVersion("5.0.0") ? statuses.get(0) : 429;
            assertEquals(answer, statuses.get(2));
        }
    }

    private static List<Socket> open(EmbeddedServer server, int count, String path) throws InterruptedException {
        List<Socket> open = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Socket socket = Socket.open(server, path);
            assertEquals("hello", socket.send("hello").next());
            open.add(socket);
        }
        return open;
    }

    /** A handshake by hand. */
    private static java.net.Socket raw(EmbeddedServer server, String path, String headers) throws IOException {
        java.net.Socket socket = new java.net.Socket("localhost", server.getPort());
        socket.setSoTimeout(20_000);
        socket.getOutputStream().write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                + "Connection: Upgrade\r\n" + headers
                + (headers.isEmpty() ? "" : "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") + "\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static String headOf(java.net.Socket socket) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = socket.getInputStream().read();
            if (next < 0) {
                throw new AssertionError("The connection ended after " + head);
            }
            head.append((char) next);
        }
        return head.toString();
    }

    private static int raw200(EmbeddedServer server) throws Exception {
        return java.net.http.HttpClient.newHttpClient().send(java.net.http.HttpRequest.newBuilder(
                URI.create(server.getURI() + "/plain")).build(), HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }

    private static EmbeddedServer start(Map<String, Object> settings, Object... beans) {
        Map<String, Object> all = new LinkedHashMap<>(settings);
        all.put("spec", "ConnectionsTest");
        all.put("micronaut.server.port", -1);
        for (Map.Entry<String, String> policy : Map.of("five", "5 concurrent", "often", "2/min", "ten", "10 concurrent",
                "lenient", "1 concurrent", "brief", "3 concurrent lease 1s").entrySet()) {
            all.put("ratelimit.policies." + policy.getKey() + ".limits", policy.getValue());
            all.put("ratelimit.policies." + policy.getKey() + ".key", "{query:token}");
        }
        all.put("ratelimit.policies.ten.key", "{global}");
        return ApplicationContext.builder(all, "test").singletons(beans).start().getBean(EmbeddedServer.class).start();
    }

    private static Policy policy(EmbeddedServer server, String name) {
        return server.getApplicationContext().getBean(Policies.class).get(name);
    }

    private static long free(EmbeddedServer server, String key) {
        return freeOf(server, "five", key);
    }

    private static long freeOf(EmbeddedServer server, String policy, String key) {
        return server.getApplicationContext().getBean(RateLimiter.class).peek(policy(server, policy), key, 0).remaining();
    }

    private static VirtualClock clock(EmbeddedServer server) {
        return server.getApplicationContext().getBean(VirtualClock.class);
    }

    /** How many connections the application has seen open. */
    @Singleton
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Opened {

        volatile int count;
    }

    /** What all of them do: echo, or end as they are told. */
    abstract static class Echo {

        private final Opened opened;

        Echo(Opened opened) {
            this.opened = opened;
        }

        @OnOpen
        void onOpen(WebSocketSession session, HttpRequest<?> request) {
            synchronized (opened) {
                opened.count++;
            }
            if (request.getParameters().contains("fail")) {
                throw new IllegalStateException("An application that fails.");
            }
        }

        @OnMessage
        void onMessage(String message, WebSocketSession session) {
            if (message.equals("close me")) {
                session.close();
            } else if (message.equals("throw")) {
                throw new IllegalStateException("An application that fails.");
            } else {
                session.sendAsync(message);
            }
        }
    }

    @ServerWebSocket("/five")
    @RateLimit(policy = "five")
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Five extends Echo {

        Five(Opened opened) {
            super(opened);
        }
    }

    @ServerWebSocket("/ten")
    @RateLimit(policy = "ten")
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Ten extends Echo {

        Ten(Opened opened) {
            super(opened);
        }
    }

    @ServerWebSocket("/often")
    @RateLimit(policy = "often")
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Often extends Echo {

        Often(Opened opened) {
            super(opened);
        }
    }

    @ServerWebSocket("/lenient")
    @RateLimit(policy = "lenient")
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Lenient extends Echo {

        Lenient(Opened opened) {
            super(opened);
        }
    }

    @ServerWebSocket("/inline")
    @RateLimit("1000/s")
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Inline extends Echo {

        Inline(Opened opened) {
            super(opened);
        }
    }

    @ServerWebSocket("/brief")
    @RateLimit(policy = "brief")
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Brief extends Echo {

        Brief(Opened opened) {
            super(opened);
        }
    }

    @Controller
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Plain {

        @Get("/plain")
        String plain() {
            return "ok";
        }
    }

    /** Stands after all limits. */
    @ServerFilter(ServerFilter.MATCH_ALL_PATTERN)
    @Requires(property = "spec", value = "ConnectionsTest")
    static class Forbidding implements Ordered {

        @RequestFilter
        Optional<io.micronaut.http.HttpResponse<?>> forbid(HttpRequest<?> request) {
            return request.getParameters().contains("forbidden")
                    ? Optional.of(io.micronaut.http.HttpResponse.status(HttpStatus.FORBIDDEN)) : Optional.empty();
        }

        @Override
        public int getOrder() {
            return 50_000;
        }
    }
}
