package io.github.micronautratelimit.websocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.tck.VirtualClock;
import io.github.micronautratelimit.http.Log;
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
import reactor.core.publisher.Mono;

/** Limits on the messages of a WebSocket. */
class MessagesTest {

    private static final String DENIED_MINUTE =
            "{\"error\":\"rate limit exceeded\",\"policy\":\"MessagesTest$Echo.onMessage\",\"retry-after\":1}";

    @Test
    void aHundredMessagesPassAndTheNextIsAnsweredByAnErrorUntilItsTimeHasCome() throws Exception {
        try (EmbeddedServer server = start(Map.of()); Socket socket = Socket.open(server, "/echo")) {
            String[] hundred = IntStream.range(0, 100).mapToObj(Integer::toString).toArray(String[]::new);
            assertEquals(List.of(hundred), socket.send(hundred).next(100));
            assertEquals(List.of(DENIED_MINUTE, DENIED_MINUTE), socket.send("a", "b").next(2));
            clock(server).advance(600_000);
            assertEquals(List.of("c", DENIED_MINUTE), socket.send("c", "d").next(2));
            assertEquals(101, server.getApplicationContext().getBean(Echo.class).seen.size(), "what was denied is not seen");
            assertEquals(List.of(), socket.rest());
        }
    }

    @Test
    void eachConnectionHasMessagesOfItsOwnWhateverKeyItChoosesForItself() throws Exception {
        try (EmbeddedServer server = start(Map.of()); Socket one = Socket.open(server, "/one");
                Socket other = Socket.open(server, "/one")) {
            assertEquals("a", one.send("a").next());
            assertTrue(one.send("b").next().contains("rate limit exceeded"));
            assertEquals("c", other.send("c").next());
        }
    }

    @Test
    void theFirstMessageIsNotCountedTwiceWhereThereIsNoMethodForOpenedConnections() throws Exception {
        try (EmbeddedServer server = start(Map.of()); Socket socket = Socket.open(server, "/one")) {
            assertEquals("a", socket.send("a").next());
        }
    }

    @Test
    void messagesMayBeLimitedByWhoeverSendsThemOverAllHisConnections() throws Exception {
        try (EmbeddedServer server = start(Map.of());
                Socket alice = Socket.open(server, "/keyed/red?token=alice");
                Socket aliceToo = Socket.open(server, "/keyed/red?token=alice");
                Socket aliceElsewhere = Socket.open(server, "/keyed/blue?token=alice");
                Socket bob = Socket.open(server, "/keyed/red?token=bob")) {
            assertEquals("a", alice.send("a").next());
            assertEquals("b", aliceToo.send("b").next());
            assertTrue(alice.send("c").next().contains("rate limit exceeded"));
            assertEquals("d", aliceElsewhere.send("d").next());
            assertEquals("e", bob.send("e").next());
        }
    }

    @Test
    void messagesMayCostTheirSize() throws Exception {
        try (EmbeddedServer server = start(Map.of()); Socket socket = Socket.open(server, "/bytes")) {
            assertEquals("1024", socket.sendBytes(1024, true).next());
            assertEquals("3000", socket.sendBytes(1000, false).sendBytes(1000, false).sendBytes(1000, true).next(),
                    "3 of 4 permits, as a whole");
            assertEquals("1", socket.sendBytes(1, true).next(), "1 of what are left");
            assertTrue(socket.sendBytes(1, true).next().contains("rate limit exceeded"));
        }
    }

    @Test
    void aMessageLargerThanEverGrantedIsNotWaitedForAndItsRestIsDropped() throws Exception {
        try (EmbeddedServer server = start(Map.of()); Socket socket = Socket.open(server, "/bytes")) {
            socket.sendBytes(5_000, false).sendBytes(2_000, false);
            String denied = socket.next();
            assertTrue(denied.contains("\"retry-after\":null"), denied);
            assertEquals("7", socket.sendBytes(10, true).sendBytes(7, true).next());
            assertEquals(List.of(), socket.rest());
        }
    }

    @Test
    void partsOfAMessageGoWithItsFirst() throws Exception {
        try (EmbeddedServer server = start(Map.of()); Socket socket = Socket.open(server, "/one")) {
            assertEquals("abc", socket.send("a", false).send("b", false).send("c", true).next());
            assertTrue(socket.send("d", false).next().contains("rate limit exceeded"));
            socket.send("e", false).send("f", true);
            assertEquals(List.of(), socket.rest());
        }
    }

    @Test
    void whoGoesOnIsClosedWithTheTimeToWaitAsTheReasonAndTheApplicationLearnsOfIt() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.close-after", 3));
                Socket socket = Socket.open(server, "/one")) {
            assertEquals("a", socket.send("a").next());
            socket.send("b", "c", "d", "e", "f", "g");
            assertEquals(new Socket.End(1008, "retry-after=60"), socket.end());
            assertEquals(2, socket.rest().size(), "two errors");
            Eventually.equal(List.of("1008 retry-after=60"),
                    () -> List.copyOf(server.getApplicationContext().getBean(One.class).closed));
            assertEquals(List.of("a"), server.getApplicationContext().getBean(One.class).seen);
        }
    }

    @Test
    void aMessageThatPassesBreaksTheRow() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.close-after", 2));
                Socket socket = Socket.open(server, "/one")) {
            for (int i = 0; i < 5; i++) {
                assertEquals("a", socket.send("a").next());
                assertTrue(socket.send("b").next().contains("rate limit exceeded"));
                clock(server).advance(60_000_000);
            }
            assertTrue(socket.isOpen());
        }
    }

    @Test
    void deniedMessagesMayBeDroppedOrEndTheConnectionAtOnceOrBeAnsweredInOwnWords() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.answer", "drop"));
                Socket socket = Socket.open(server, "/one")) {
            assertEquals("a", socket.send("a", "b", "c").next());
            assertEquals(List.of(), socket.rest());
        }
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.answer", "close"));
                Socket socket = Socket.open(server, "/one")) {
            assertEquals("a", socket.send("a", "b").next());
            assertEquals(new Socket.End(1008, "retry-after=60"), socket.end());
        }
        String own = "slow down, {policy}: {retry-after} s, {retry-after-ms} ms";
        try (EmbeddedServer server = start(Map.of("ratelimit.websocket.error-text", own));
                Socket socket = Socket.open(server, "/echo")) {
            socket.send(IntStream.range(0, 100).mapToObj(Integer::toString).toArray(String[]::new)).next(100);
            assertEquals("slow down, MessagesTest$Echo.onMessage: 1 s, 600 ms", socket.send("a").next());
        }
    }

    @Test
    void everyKindOfMethodIsLimitedAndNothingIsLoggedOfIt() throws Exception {
        try (EmbeddedServer server = start(Map.of()); Log log = new Log()) {
            for (String path : List.of("/void", "/stage", "/mono", "/blocking")) {
                try (Socket socket = Socket.open(server, path)) {
                    assertEquals("a", socket.send("a").next(), path);
                    assertEquals("b", socket.send("b").next(), path);
                    assertTrue(socket.send("c").next().contains("rate limit exceeded"), path);
                }
            }
            assertEquals(List.of(), log.lines().stream().filter(line -> line.contains("WebSocket")
                    || line.contains("limit")).toList());
        }
    }

    @Test
    void messagesStayInOrderAndUncountedTwiceWhileAStoreAnswersLater() throws Exception {
        try (EmbeddedServer server = start(Map.of("ratelimit.backend", "async"));
                Socket socket = Socket.open(server, "/shared")) {
            String[] messages = IntStream.range(0, 250).mapToObj(Integer::toString).toArray(String[]::new);
            socket.send(messages);
            List<String> received = socket.next(250);
            assertEquals(List.of(messages).subList(0, 200), received.subList(0, 200));
            assertTrue(received.subList(200, 250).stream().allMatch(text -> text.contains("rate limit exceeded")));
            assertEquals(new Socket.End(1000, "bye"), socket.leave());
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
