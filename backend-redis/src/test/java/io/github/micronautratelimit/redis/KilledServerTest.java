package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.redis.server.Eventually;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A server with open WebSockets is killed, and the clients of another server then get their slots. */
@NeedsRedis
class KilledServerTest {

    private static final long LEASE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final HttpClient client = HttpClient.newHttpClient();
    private final List<WebSocket> open = new ArrayList<>();

    @Test
    @Timeout(value = 3, unit = TimeUnit.MINUTES)
    void slotsOfConnectionsAreHeldWhileTheServerLivesAndExpireAfterItIsKilled() throws Exception {
        String namespace = "sockets-" + UUID.randomUUID();
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        Process killed = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx192m",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-cp",
                        classPath,
                        SocketServer.class.getName(),
                        RedisServer.uri(),
                        namespace)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (EmbeddedServer other = SocketServer.start(RedisServer.uri(), namespace)) {
            int port = port(killed);
            for (int i = 0; i < 4; i++) {
                assertTrue(opens(port));
            }
            assertTrue(opens(other.getPort()));
            long lives = System.nanoTime() + 2 * LEASE_NANOS;
            while (System.nanoTime() - lives < 0) {
                assertFalse(opens(other.getPort()), "slots are renewed beyond the lease time");
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
            }
            killed.destroyForcibly().waitFor();
            for (int i = 0; i < 4; i++) {
                Eventually.await("a slot of the dead server is free", () -> opens(other.getPort()));
            }
            assertFalse(opens(other.getPort()), "more than five slots");
        } finally {
            killed.destroyForcibly();
        }
        assertEquals(0, Redis.server().keys(namespace + ":*").size(), "the stopped server released its slots");
    }

    private boolean opens(int port) {
        try {
            open.add(client.newWebSocketBuilder()
                    .buildAsync(URI.create("ws://localhost:" + port + "/sockets"), new WebSocket.Listener() {})
                    .join());
            return true;
        } catch (CompletionException e) {
            if (e.getCause() instanceof WebSocketHandshakeException refused
                    && refused.getResponse().statusCode() == 429) {
                return false;
            }
            throw e;
        }
    }

    private static int port(Process process) throws IOException {
        BufferedReader in = process.inputReader(StandardCharsets.UTF_8);
        String line = in.readLine();
        while (line != null && !line.startsWith("port ")) {
            line = in.readLine();
        }
        return Integer.parseInt(String.valueOf(line).substring("port ".length()));
    }
}
