package io.github.micronautratelimit.websocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.http.Log;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import io.micronaut.websocket.CloseReason;
import io.micronaut.websocket.WebSocketSession;
import io.micronaut.websocket.annotation.OnClose;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.OnOpen;
import io.micronaut.websocket.annotation.ServerWebSocket;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Limits on the messages of a WebSocket. */
class MessagesTest {

    private static final String DENIED_MINUTE =
            "{\"error\":\"rate limit exceeded\",\"policy\":\"MessagesTest$Echo.onMessage\",\"retry-after\":1}";

    @Test
    void messagesBeyondAHundredAreAnsweredByErrorsUntilRetryAfter() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                TestWebSocket webSocket = TestWebSocket.open(server, "/echo")) {
            String[] hundred =
                    IntStream.range(0, 100).mapToObj(Integer::toString).toArray(String[]::new);
            assertEquals(List.of(hundred), webSocket.send(hundred).next(100));
            assertEquals(
                    List.of(DENIED_MINUTE, DENIED_MINUTE),
                    webSocket.send("a", "b").next(2));
            clock(server).advance(600_000);
            assertEquals(List.of("c", DENIED_MINUTE), webSocket.send("c", "d").next(2));
            assertEquals(
                    101,
                    server.getApplicationContext().getBean(Echo.class).seen.size(),
                    "the application does not receive denied messages");
            assertEquals(List.of(), webSocket.rest());
        }
    }

    /** Clients that have exceeded nothing are told to try again later. */
    @Test
    void closedPolicyTellsThatTheStoreIsUnavailable() throws Exception {
        Map<String, Object> closed = Map.of("ratelimit.backend", "async", "ratelimit.on-error", "closed");
        try (EmbeddedServer server = start(closed);
                TestWebSocket webSocket = TestWebSocket.open(server, "/keyed/red?token=alice")) {
            server.getApplicationContext().getBean(AsyncBackend.class).mood = AsyncBackend.Mood.FAILS;
            String text = webSocket.send("a").next();
            assertTrue(text.startsWith("{\"error\":\"rate limits cannot be checked\",\"policy\":\""), text);
            assertTrue(text.endsWith("\",\"retry-after\":1}"), text);
        }
        Map<String, Object> closing = new HashMap<>(closed);
        closing.put("ratelimit.websocket.answer", "close");
        try (EmbeddedServer server = start(closing);
                TestWebSocket webSocket = TestWebSocket.open(server, "/keyed/red?token=alice")) {
            server.getApplicationContext().getBean(AsyncBackend.class).mood = AsyncBackend.Mood.FAILS;
            webSocket.send("a");
            assertEquals(new TestWebSocket.End(1013, "retry-after=1"), webSocket.end());
        }
    }

    @Test
    void eachConnectionHasItsOwnLimit() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                TestWebSocket one = TestWebSocket.open(server, "/one");
                TestWebSocket other = TestWebSocket.open(server, "/one")) {
            assertEquals("a", one.send("a").next());
            assertTrue(one.send("b").next().contains("rate limit exceeded"));
            assertEquals("c", other.send("c").next());
        }
    }

    @Test
    void theFirstMessageIsCountedOnceWithoutAnOnOpenMethod() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                TestWebSocket webSocket = TestWebSocket.open(server, "/one")) {
            assertEquals("a", webSocket.send("a").next());
        }
    }

    @Test
    void aKeyLimitsMessagesAcrossConnections() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                TestWebSocket alice = TestWebSocket.open(server, "/keyed/red?token=alice");
                TestWebSocket aliceAgain = TestWebSocket.open(server, "/keyed/red?token=alice");
                TestWebSocket aliceInOtherRoom = TestWebSocket.open(server, "/keyed/blue?token=alice");
                TestWebSocket bob = TestWebSocket.open(server, "/keyed/red?token=bob")) {
            assertEquals("a", alice.send("a").next());
            assertEquals("b", aliceAgain.send("b").next());
            assertTrue(alice.send("c").next().contains("rate limit exceeded"));
            assertEquals("d", aliceInOtherRoom.send("d").next());
            assertEquals("e", bob.send("e").next());
        }
    }

    @Test
    void permitsMayDependOnTheSize() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                TestWebSocket webSocket = TestWebSocket.open(server, "/bytes")) {
            assertEquals("1024", webSocket.sendBytes(1024, true).next());
            assertEquals(
                    "3000",
                    webSocket
                            .sendBytes(1000, false)
                            .sendBytes(1000, false)
                            .sendBytes(1000, true)
                            .next(),
                    "3 of 4 permits for the whole message");
            assertEquals("1", webSocket.sendBytes(1, true).next(), "the last permit");
            assertTrue(webSocket.sendBytes(1, true).next().contains("rate limit exceeded"));
        }
    }

    @Test
    void aMessageThatCanNeverPassIsDeniedBeforeItIsComplete() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                TestWebSocket webSocket = TestWebSocket.open(server, "/bytes")) {
            webSocket.sendBytes(5_000, false).sendBytes(2_000, false);
            String denied = webSocket.next();
            assertTrue(denied.contains("\"retry-after\":null"), denied);
            assertEquals("7", webSocket.sendBytes(10, true).sendBytes(7, true).next());
            assertEquals(List.of(), webSocket.rest());
        }
    }

    @Test
    void theDecisionOnTheFirstFrameCoversAllFrames() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                TestWebSocket webSocket = TestWebSocket.open(server, "/one")) {
            assertEquals(
                    "abc",
                    webSocket.send("a", false).send("b", false).send("c", true).next());
            assertTrue(webSocket.send("d", false).next().contains("rate limit exceeded"));
            webSocket.send("e", false).send("f", true);
            assertEquals(List.of(), webSocket.rest());
        }
    }

    @Test
    void aClientThatKeepsSendingIsDisconnectedAndTheApplicationSeesTheReason() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.close-after", 3));
                TestWebSocket webSocket = TestWebSocket.open(server, "/one")) {
            assertEquals("a", webSocket.send("a").next());
            webSocket.send("b", "c", "d", "e", "f", "g");
            assertEquals(new TestWebSocket.End(1008, "retry-after=60"), webSocket.end());
            assertEquals(2, webSocket.rest().size(), "two errors");
            Eventually.equal(
                    List.of("1008 retry-after=60"),
                    () -> List.copyOf(server.getApplicationContext().getBean(One.class).closed));
            assertEquals(List.of("a"), server.getApplicationContext().getBean(One.class).seen);
        }
    }

    @Test
    void anAllowedMessageResetsTheCountOfDeniedOnes() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.close-after", 2));
                TestWebSocket webSocket = TestWebSocket.open(server, "/one")) {
            for (int i = 0; i < 5; i++) {
                assertEquals("a", webSocket.send("a").next());
                assertTrue(webSocket.send("b").next().contains("rate limit exceeded"));
                clock(server).advance(60_000_000);
            }
            assertTrue(webSocket.isOpen());
        }
    }

    @Test
    void theResponseToDeniedMessagesIsConfigurable() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.answer", "drop"));
                TestWebSocket webSocket = TestWebSocket.open(server, "/one")) {
            assertEquals("a", webSocket.send("a", "b", "c").next());
            assertEquals(List.of(), webSocket.rest());
        }
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.answer", "close"));
                TestWebSocket webSocket = TestWebSocket.open(server, "/one")) {
            assertEquals("a", webSocket.send("a", "b").next());
            assertEquals(new TestWebSocket.End(1008, "retry-after=60"), webSocket.end());
        }
        String own = "slow down, {policy}: {retry-after} s, {retry-after-ms} ms";
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.error-text", own));
                TestWebSocket webSocket = TestWebSocket.open(server, "/echo")) {
            webSocket
                    .send(IntStream.range(0, 100).mapToObj(Integer::toString).toArray(String[]::new))
                    .next(100);
            assertEquals(
                    "slow down, MessagesTest$Echo.onMessage: 1 s, 600 ms",
                    webSocket.send("a").next());
        }
    }

    @Test
    void anyKindOfMethodIsLimitedWithoutLogMessages() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                Log log = new Log()) {
            for (String path : List.of("/void", "/stage", "/mono", "/blocking")) {
                try (TestWebSocket webSocket = TestWebSocket.open(server, path)) {
                    assertEquals("a", webSocket.send("a").next(), path);
                    assertEquals("b", webSocket.send("b").next(), path);
                    assertTrue(webSocket.send("c").next().contains("rate limit exceeded"), path);
                }
            }
            assertEquals(
                    List.of(),
                    log.lines().stream()
                            .filter(line -> line.contains("WebSocket") || line.contains("limit"))
                            .toList());
        }
    }

    @Test
    void messagesStayInOrderAndAreCountedOnceWithAnAsynchronousStore() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.backend", "async"));
                TestWebSocket webSocket = TestWebSocket.open(server, "/shared")) {
            String[] messages =
                    IntStream.range(0, 250).mapToObj(Integer::toString).toArray(String[]::new);
            webSocket.send(messages);
            List<String> received = webSocket.next(250);
            assertEquals(List.of(messages).subList(0, 200), received.subList(0, 200));
            assertTrue(received.subList(200, 250).stream().allMatch(text -> text.contains("rate limit exceeded")));
            assertEquals(new TestWebSocket.End(1000, "bye"), webSocket.leave());
        }
    }

    private static EmbeddedServer start(Map<String, Object> settings) {
        Map<String, Object> all = new LinkedHashMap<>(settings);
        all.put("spec", "MessagesTest");
        all.put("micronaut.server.port", -1);
        return ApplicationContext.run(EmbeddedServer.class, all, "test");
    }

    private static VirtualClock clock(EmbeddedServer server) {
        return server.getApplicationContext().getBean(VirtualClock.class);
    }

    @ServerWebSocket("/echo")
    @Requires(property = "spec", value = "MessagesTest")
    static class Echo {

        final List<String> seen = Collections.synchronizedList(new ArrayList<>());

        @OnOpen
        void onOpen(WebSocketSession session) {
            session.getId();
        }

        @OnMessage
        @RateLimit("100/min")
        void onMessage(String message, WebSocketSession session) {
            seen.add(message);
            session.sendAsync(message);
        }
    }

    @ServerWebSocket("/one")
    @Requires(property = "spec", value = "MessagesTest")
    static class One {

        final List<String> seen = Collections.synchronizedList(new ArrayList<>());
        final List<String> closed = Collections.synchronizedList(new ArrayList<>());

        @OnMessage
        @RateLimit("1/min")
        void onMessage(String message, WebSocketSession session) {
            seen.add(message);
            session.sendAsync(message);
        }

        @OnClose
        void onClose(CloseReason reason) {
            closed.add(reason.getCode() + " " + reason.getReason());
        }
    }

    @ServerWebSocket("/keyed/{room}")
    @Requires(property = "spec", value = "MessagesTest")
    static class Keyed {

        @OnMessage
        @RateLimit(value = "2/min", key = "{query:token}/{path:room}")
        CompletableFuture<String> onMessage(String message, WebSocketSession session) {
            return session.sendAsync(message);
        }
    }

    @ServerWebSocket("/bytes")
    @Requires(property = "spec", value = "MessagesTest")
    static class Bytes {

        @OnMessage
        @RateLimit(value = "5/min", permits = "{body-size} / 1024")
        void onMessage(byte[] message, WebSocketSession session) {
            session.sendAsync(Integer.toString(message.length));
        }
    }

    @ServerWebSocket("/void")
    @Requires(property = "spec", value = "MessagesTest")
    static class Void {

        @OnMessage
        @RateLimit("2/min")
        void onMessage(String message, WebSocketSession session) {
            session.sendAsync(message);
        }
    }

    @ServerWebSocket("/stage")
    @Requires(property = "spec", value = "MessagesTest")
    static class Stage {

        @OnMessage
        @RateLimit("2/min")
        CompletionStage<String> onMessage(String message, WebSocketSession session) {
            return session.sendAsync(message);
        }
    }

    @ServerWebSocket("/mono")
    @Requires(property = "spec", value = "MessagesTest")
    static class Reactive {

        @OnMessage
        @RateLimit("2/min")
        Publisher<String> onMessage(String message, WebSocketSession session) {
            return Mono.from(session.send(message));
        }
    }

    @ServerWebSocket("/blocking")
    @Requires(property = "spec", value = "MessagesTest")
    static class Blocking {

        @OnMessage
        @RateLimit("2/min")
        @ExecuteOn(TaskExecutors.BLOCKING)
        void onMessage(String message, WebSocketSession session) {
            session.sendSync(message);
        }
    }

    @ServerWebSocket("/shared")
    @Requires(property = "spec", value = "MessagesTest")
    static class Shared {

        @OnMessage
        @RateLimit(value = "200/min", key = "{ip}")
        void onMessage(String message, WebSocketSession session) {
            session.sendAsync(message);
        }
    }
}
