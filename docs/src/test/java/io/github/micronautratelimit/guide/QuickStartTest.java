package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Property;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Checks the HTTP session and the code of the quick start. */
@MicronautTest(environments = "guide", rebuildContext = true)
@Property(name = "redis.enabled", value = "false")
class QuickStartTest {

    private static final Pattern LENGTH = Pattern.compile("(?i)content-length: (\\d+)");

    @Inject
    EmbeddedServer server;

    @Inject
    VirtualClock clock;

    @Test
    void sessionShowsTheResponsesOfTheServer() throws IOException {
        List<Chapter.Block> session = new Chapter(Path.of("quick-start.adoc")).blocks("http");
        assertEquals(2, session.size());
        assertEquals(session.get(0).text(), response());
        for (int i = 2; i <= 5; i++) {
            assertTrue(response().startsWith("HTTP/1.1 200 OK"));
        }
        assertEquals(session.get(1).text(), response());
        clock.advance(Duration.ofSeconds(12));
        assertTrue(response().startsWith("HTTP/1.1 200 OK"));
        assertTrue(response().startsWith("HTTP/1.1 429 Too Many Requests"));
    }

    /** Returns a response as {@code curl -i} shows it, without the date. */
    private String response() throws IOException {
        try (Socket socket = new Socket("localhost", server.getPort())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream()
                    .write("GET /hello HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            InputStream in = socket.getInputStream();
            StringBuilder head = new StringBuilder();
            while (head.indexOf("\r\n\r\n") < 0) {
                int next = in.read();
                assertTrue(next >= 0, () -> "the response ended after " + head);
                head.append((char) next);
            }
            Matcher length = LENGTH.matcher(head);
            assertTrue(length.find(), head::toString);
            String body = new String(in.readNBytes(Integer.parseInt(length.group(1))), StandardCharsets.UTF_8);
            return head.toString().replace("\r", "").replaceAll("(?im)^date: .*\n", "") + body + "\n";
        }
    }

    @Test
    void exportsCostPermitsUnlessTheyFail(Exports exports) {
        assertTrue(exports.export("alice", () -> true));
        assertTrue(exports.export("alice", () -> false));
        assertEquals(9, exports.remaining("alice"));
        for (int i = 0; i < 9; i++) {
            assertTrue(exports.export("alice", () -> true));
        }
        assertFalse(exports.export("alice", () -> true));
        assertTrue(exports.export("bob", () -> true));
        exports.reset("alice");
        assertEquals(10, exports.remaining("alice"));
    }
}
