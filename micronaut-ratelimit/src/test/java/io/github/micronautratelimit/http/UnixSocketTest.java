package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that listens on a UNIX domain socket, as behind a proxy on the same machine. */
@Tag("netty")
class UnixSocketTest {

    @TempDir
    static Path folder;

    private static Path socket;
    private static TestServer server;

    @BeforeAll
    static void start() {
        socket = folder.resolve("http.socket");
        Map<String, Object> properties = new HashMap<>();
        properties.put("micronaut.server.netty.listeners.tcp.family", "TCP");
        properties.put("micronaut.server.netty.listeners.tcp.port", -1);
        properties.put("micronaut.server.netty.listeners.local.family", "UNIX");
        properties.put("micronaut.server.netty.listeners.local.path", socket.toString());
        properties.put("ratelimit.trusted-proxies", "127.0.0.0/8");
        properties.put("ratelimit.policies.ruled.limits", "1/h");
        properties.put("ratelimit.policies.ruled.key", "{ip}");
        properties.put("ratelimit.rules[0].path", "/ruled");
        properties.put("ratelimit.rules[0].policy", "ruled");
        server = TestServer.start(UnixSocketTest.class, properties);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static int status(String path, String headers) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            String request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n";
            channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII)));
            ByteBuffer response = ByteBuffer.allocate(65536);
            while (channel.read(response) >= 0 && response.hasRemaining()) {}
            String text = new String(response.array(), 0, response.position(), StandardCharsets.US_ASCII);
            return Integer.parseInt(text.substring(9, 12));
        }
    }

    @Test
    void clientOfSocketIsLimited() throws IOException {
        for (String path : new String[] {"/annotated", "/ruled"}) {
            assertEquals(200, status(path, ""));
            assertEquals(429, status(path, ""));
        }
    }

    @Test
    void clientsOfTrustedProxyHaveSeparatePermits() throws IOException {
        for (String client : new String[] {"198.51.100.1", "198.51.100.2", "2001:db8:1::1"}) {
            for (String path : new String[] {"/annotated", "/ruled"}) {
                assertEquals(200, status(path, "X-Forwarded-For: " + client + "\r\n"), client);
                assertEquals(429, status(path, "X-Forwarded-For: " + client + "\r\n"), client);
            }
        }
    }

    /** A slot is released shortly after the last byte, perhaps only after the next request. */
    @Test
    void slotIsFreeAfterRequest() throws Exception {
        for (int i = 0; i < 3; i++) {
            AtomicInteger granted = new AtomicInteger();
            Eventually.equal(
                    200, () -> granted.get() == 200 ? 200 : granted.accumulateAndGet(status("/slot", ""), (a, b) -> b));
        }
    }

    @Controller
    @Requires(property = "spec", value = "UnixSocketTest")
    static class Routes {

        @Get("/annotated")
        @RateLimit("1/h")
        String annotated() {
            return "ok";
        }

        @Get("/ruled")
        String ruled() {
            return "ok";
        }

        @Get("/slot")
        @RateLimit("1 concurrent")
        String slot() {
            return "ok";
        }
    }
}
