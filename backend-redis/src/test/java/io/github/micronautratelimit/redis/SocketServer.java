package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.websocket.WebSocketSession;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;
import java.io.IOException;
import java.util.Map;

/** An application with a limit of five open connections, in this process or in a separate one. */
final class SocketServer {

    static final String LIMITS = "5 concurrent lease 2s";

    private SocketServer() {}

    static EmbeddedServer start(String redis, String namespace) {
        return ApplicationContext.run(
                EmbeddedServer.class,
                Map.of(
                        "spec",
                        "socket-server",
                        "micronaut.server.port",
                        -1,
                        "redis.uri",
                        redis,
                        "ratelimit.namespace",
                        namespace,
                        "ratelimit.deadline",
                        "20s"));
    }

    /** Takes the URI of a server and a namespace. Serves until the process is killed or its input ends. */
    public static void main(String[] args) throws IOException {
        try (EmbeddedServer server = start(args[0], args[1])) {
            System.out.println("port " + server.getPort());
            while (System.in.read() >= 0) {
                Thread.onSpinWait();
            }
        }
    }

    @ServerWebSocket("/sockets")
    @RateLimit(value = LIMITS, policy = "sockets", key = "{global}")
    @Requires(property = "spec", value = "socket-server")
    static class Echo {

        @OnMessage
        void onMessage(String message, WebSocketSession session) {
            session.sendAsync(message);
        }
    }
}
