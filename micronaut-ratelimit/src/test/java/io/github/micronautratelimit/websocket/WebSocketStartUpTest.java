package io.github.micronautratelimit.websocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.server.netty.NettyEmbeddedServer;
import io.micronaut.runtime.ApplicationConfiguration;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.websocket.CloseReason;
import io.micronaut.websocket.annotation.OnClose;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;
import jakarta.inject.Singleton;
import java.net.URI;
import java.net.URL;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Invalid limits of a WebSocket fail the start of the application. */
class WebSocketStartUpTest {

    private static final String NAME = WebSocketStartUpTest.class.getName();

    @ParameterizedTest
    @MethodSource
    void anInvalidLimitFailsStartUp(Map<String, Object> settings, String message) {
        Throwable failure = assertThrows(RuntimeException.class, () -> {
            try (EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, settings, "test")) {
                throw new AssertionError("started at " + server.getPort());
            }
        });
        while (failure.getCause() != null
                && failure.getCause() != failure
                && !String.valueOf(failure.getMessage()).equals(message)) {
            failure = failure.getCause();
        }
        assertEquals(message, failure.getMessage());
    }

    static Stream<Arguments> anInvalidLimitFailsStartUp() {
        return Stream.of(
                Arguments.of(
                        Map.of("spec", NAME + ".expression"),
                        "The key \"#{ 'a' }\" of @RateLimit on " + NAME
                                + "$Expression.onMessage(String) is an expression on a WebSocket, whose "
                                + "connections and messages are "
                                + "limited before there are arguments; write a template such as \"{principal}\" or "
                                + "\"{path:room}\"."),
                Arguments.of(
                        Map.of("spec", NAME + ".close"),
                        "@RateLimit on " + NAME + "$Close.onClose(CloseReason) is on a "
                                + "method for a closed connection, an error or a pong, which cannot be limited; "
                                + "write it on the class "
                                + "to limit connections, or on the @OnMessage method to limit messages."),
                Arguments.of(
                        Map.of("spec", NAME + ".slots"),
                        "@RateLimit on " + NAME + "$Slots.onMessage(String) has the "
                                + "limit \"5 concurrent\", but a message holds no slot; write a rate limit such "
                                + "as \"100/min\"."),
                Arguments.of(
                        Map.of("spec", NAME + ".waiting"),
                        "@RateLimit on " + NAME + "$Waiting.onMessage(String): messages of a WebSocket do not wait, "
                                + "because later ones would pile up behind them; remove maxWait, or name a policy "
                                + "without it."),
                Arguments.of(
                        Map.of("spec", NAME + ".connection"),
                        "The key \"{connection}\" of @RateLimit on " + NAME
                                + "$OfConnection contains {connection}, which only WebSocket messages have; use "
                                + "it on an @OnMessage method, and write {ip} or {principal} here."),
                Arguments.of(
                        Map.of("spec", NAME + ".other-server"),
                        "@RateLimit on " + NAME
                                + "$OnOtherServer.onMessage(String) limits a WebSocket, which needs the "
                                + "Netty server, but the server is " + NAME + "$OtherServer; use "
                                + "micronaut-http-server-netty, or remove the limit."),
                Arguments.of(
                        Map.of("ratelimit.default-key", "{connection}"),
                        "The key \"{connection}\" of "
                                + "ratelimit.default-key contains {connection}, which only WebSocket messages "
                                + "have; use it on an @OnMessage method, and write {ip} or {principal} here."),
                Arguments.of(
                        Map.of("ratelimit.websocket.close-after", -1),
                        "ratelimit.websocket.close-after = \"-1\": the number of messages must not be negative; "
                                + "write one such as 100, or 0 to never close the connection."));
    }

    @ServerWebSocket("/expression")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.WebSocketStartUpTest.expression")
    static class Expression {

        @OnMessage
        @RateLimit(value = "1/s", key = "#{ 'a' }")
        void onMessage(String message) {}
    }

    @ServerWebSocket("/waiting")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.WebSocketStartUpTest.waiting")
    static class Waiting {

        @OnMessage
        @RateLimit(value = "1/s", maxWait = "1s")
        void onMessage(String message) {}
    }

    @ServerWebSocket("/close")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.WebSocketStartUpTest.close")
    static class Close {

        @OnMessage
        void onMessage(String message) {}

        @OnClose
        @RateLimit("1/s")
        void onClose(CloseReason reason) {}
    }

    @ServerWebSocket("/slots")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.WebSocketStartUpTest.slots")
    static class Slots {

        @OnMessage
        @RateLimit("5 concurrent")
        void onMessage(String message) {}
    }

    @ServerWebSocket("/connection")
    @RateLimit(value = "5 concurrent", key = "{connection}")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.WebSocketStartUpTest.connection")
    static class OfConnection {

        @OnMessage
        void onMessage(String message) {}
    }

    @ServerWebSocket("/other-server")
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.WebSocketStartUpTest.other-server")
    static class OnOtherServer {

        @OnMessage
        @RateLimit("1/s")
        void onMessage(String message) {}
    }

    /** Stands for the server of a servlet engine. */
    @Singleton
    @Replaces(NettyEmbeddedServer.class)
    @Requires(property = "spec", value = "io.github.micronautratelimit.websocket.WebSocketStartUpTest.other-server")
    static class OtherServer implements EmbeddedServer {

        private final ApplicationContext context;
        private final ApplicationConfiguration configuration;

        OtherServer(ApplicationContext context, ApplicationConfiguration configuration) {
            this.context = context;
            this.configuration = configuration;
        }

        @Override
        public int getPort() {
            return 0;
        }

        @Override
        public String getHost() {
            return "localhost";
        }

        @Override
        public String getScheme() {
            return "http";
        }

        @Override
        public URL getURL() {
            throw new IllegalStateException("The server does not start.");
        }

        @Override
        public URI getURI() {
            throw new IllegalStateException("The server does not start.");
        }

        @Override
        public ApplicationContext getApplicationContext() {
            return context;
        }

        @Override
        public ApplicationConfiguration getApplicationConfiguration() {
            return configuration;
        }

        @Override
        public boolean isRunning() {
            return false;
        }
    }
}
