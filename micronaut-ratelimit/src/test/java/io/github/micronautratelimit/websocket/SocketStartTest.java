package io.github.micronautratelimit.websocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import java.util.stream.Stream;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.websocket.CloseReason;
import io.micronaut.websocket.annotation.OnClose;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;

/** What is wrong with a WebSocket's limits stops the application when it starts. */
class SocketStartTest {

    private static final String HERE = SocketStartTest.class.getName();

    @ParameterizedTest
    @MethodSource
    void aWrongLimitStopsTheApplication(Map<String, Object> settings, String message) {
        Throwable failure = assertThrows(RuntimeException.class, () -> {
            try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, settings, "test")) {
                throw new AssertionError("started at " + server.getPort());
            }
        });
        while (failure.getCause() != null && failure.getCause() != failure
                && !String.valueOf(failure.getMessage()).equals(message)) {
            failure = failure.getCause();
        }
        assertEquals(message, failure.getMessage());
    }

    static Stream<Arguments> aWrongLimitStopsTheApplication() {
        return Stream.of(
                Arguments.of(Map.of("spec", HERE + ".expression"), "The key \"#{ 'a' }\" of @RateLimit on " + HERE
                        + "$Expression.onMessage(String) is an expression on a WebSocket, whose connections and messages are "
                        + "limited before they have become arguments; write a template like \"{principal}\" or "
                        + "\"{path:room}\"."),
                Arguments.of(Map.of("spec", HERE + ".close"), "@RateLimit on " + HERE + "$Close.onClose(CloseReason) is on a "
                        + "method that tells of a connection's end, an error or a pong, which cannot be limited; write it on "
                        + "the class, for connections, or on the @OnMessage method, for messages."),
                Arguments.of(Map.of("spec", HERE + ".places"), "@RateLimit on " + HERE + "$Places.onMessage(String) has the "
                        + "limit \"5 concurrent\", but a message holds no place; write how often messages may come, such as "
                        + "\"100/min\"."),
                Arguments.of(Map.of("spec", HERE + ".connection"), "The key \"{connection}\" of @RateLimit on " + HERE
                        + "$OfConnection names a connection, which only the messages of a WebSocket have; write {connection} "
                        + "on an @OnMessage method, and here {ip} or {principal}."),
                Arguments.of(Map.of("ratelimit.default-key", "{connection}"), "The key \"{connection}\" of "
                        + "ratelimit.default-key names a connection, which only the messages of a WebSocket have; write "
                        + "{connection} on an @OnMessage method, and here {ip} or {principal}."),
                Arguments.of(Map.of("ratelimit.websocket.close-after", -1), "ratelimit.websocket.close-after = \"-1\": write "
                        + "how many messages in a row are too many, such as 100, or 0 to close never."));
    }

    @ServerWebSocket("/expression")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.SocketStartTest.expression")
    static class Expression {

        @OnMessage
        @RateLimit(value = "1/s", key = "#{ 'a' }")
        void onMessage(String message) {
        }
    }

    @ServerWebSocket("/close")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.SocketStartTest.close")
    static class Close {

        @OnMessage
        void onMessage(String message) {
        }

        @OnClose
        @RateLimit("1/s")
        void onClose(CloseReason reason) {
        }
    }

    @ServerWebSocket("/places")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.SocketStartTest.places")
    static class Places {

        @OnMessage
        @RateLimit("5 concurrent")
        void onMessage(String message) {
        }
    }

    @ServerWebSocket("/connection")
    @RateLimit(value = "5 concurrent", key = "{connection}")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.SocketStartTest.connection")
    static class OfConnection {

        @OnMessage
        void onMessage(String message) {
        }
    }
}
