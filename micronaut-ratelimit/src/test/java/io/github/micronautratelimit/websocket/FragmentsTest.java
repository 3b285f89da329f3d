package io.github.micronautratelimit.websocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.websocket.CloseReason;
import io.micronaut.websocket.WebSocketSession;
import io.micronaut.websocket.annotation.OnClose;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The memory of a message whose cost is its size, while its last frame has not arrived. */
class FragmentsTest {

    private static final int TEXT = 1;
    private static final int CONTINUATION = 0;

    private EmbeddedServer server;

    @BeforeEach
    void start() {
        server = ApplicationContext.run(
                EmbeddedServer.class, Map.of("spec", "FragmentsTest", "micronaut.server.port", -1), "test");
    }

    @AfterEach
    void stop() {
        server.close();
    }

    /** In 250,000 frames: each frame that is kept takes 100 bytes or more, together 25 MB. */
    @ParameterizedTest
    @CsvSource({"/sized", "/bounded", "/count"})
    void endlessEmptyFramesTakeNoMemory(String path) throws Exception {
        try (Fragments client = new Fragments(server, path)) {
            client.frame(TEXT, false, "a");
            long before = usedMemory();
            for (int i = 0; i < 250; i++) {
                client.frames(1_000, CONTINUATION, false, "");
            }
            client.frame(CONTINUATION, true, "b");
            assertEquals("ab", client.text());
            assertTrue(usedMemory() - before < 15_000_000, "frames are not kept");
        }
    }

    @ParameterizedTest
    @CsvSource({"/sized, 1000, 5", "/bounded, 1000, 64", "/bounded, 1, 1024", "/small, 100, 10", "/large, 60000, 20"})
    void messageWithinTheBoundsPasses(String path, int bytes, int frames) throws Exception {
        try (Fragments client = new Fragments(server, path)) {
            client.frame(TEXT, false, "");
            for (int i = 0; i < frames - 1; i++) {
                client.frame(CONTINUATION, false, "a".repeat(bytes));
                client.frame(CONTINUATION, false, "");
            }
            client.frame(CONTINUATION, true, "b");
            assertEquals("a".repeat(bytes * (frames - 1)) + "b", client.text());
        }
    }

    @ParameterizedTest
    @CsvSource({"/bounded, 1000, 66", "/bounded, 1, 1300", "/small, 100, 11", "/large, 60000, 22", "/large, 7, 4000"})
    void connectionOfALargerMessageIsClosedWith1009(String path, int bytes, int frames) throws Exception {
        try (Fragments client = new Fragments(server, path)) {
            client.frame(TEXT, false, "");
            client.frames(frames, CONTINUATION, false, "a".repeat(bytes));
            assertEquals(1009, client.closeCode());
            Closes closes = server.getApplicationContext().getBean(Closes.class);
            Eventually.equal(List.of("1009 message too big"), () -> List.copyOf(closes.seen));
            assertEquals(List.of(), closes.messages);
        }
        try (Fragments other = new Fragments(server, path)) {
            other.frame(TEXT, true, "other");
            assertEquals("other", other.text(), "others are served");
        }
    }

    @Test
    void messageThatIsTooBigCostsNothing() throws Exception {
        try (Fragments client = new Fragments(server, "/shared")) {
            client.frame(TEXT, false, "");
            client.frames(2, CONTINUATION, false, "a".repeat(600));
            assertEquals(1009, client.closeCode());
        }
        try (Fragments other = new Fragments(server, "/shared")) {
            other.frame(TEXT, true, "one");
            assertEquals("one", other.text(), "the only permit is left");
            other.frame(TEXT, true, "two");
            assertTrue(other.text().contains("rate limit exceeded"));
        }
    }

    private static long usedMemory() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    /** A client that writes the frames of RFC 6455 itself. */
    private static final class Fragments implements AutoCloseable {

        private final Socket socket;
        private final OutputStream out;
        private final DataInputStream in;

        Fragments(EmbeddedServer server, String path) throws IOException {
            this.socket = new Socket("127.0.0.1", server.getPort());
            socket.setSoTimeout(30_000);
            this.out = socket.getOutputStream();
            this.in = new DataInputStream(socket.getInputStream());
            out.write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            StringBuilder answer = new StringBuilder();
            while (!answer.toString().endsWith("\r\n\r\n")) {
                answer.append((char) in.readByte());
            }
            assertTrue(answer.toString().startsWith("HTTP/1.1 101 "), answer::toString);
        }

        void frame(int opcode, boolean last, String text) throws IOException {
            out.write(bytes(opcode, last, text));
        }

        /** Sends frames in one piece. The server may close the connection before it has read all of them. */
        void frames(int count, int opcode, boolean last, String text) throws IOException {
            byte[] one = bytes(opcode, last, text);
            byte[] all = new byte[count * one.length];
            for (int i = 0; i < count; i++) {
                System.arraycopy(one, 0, all, i * one.length, one.length);
            }
            out.write(all);
        }

        /** Returns a frame that is masked with zeros. */
        private static byte[] bytes(int opcode, boolean last, String text) {
            int length = text.length();
            int header = length < 126 ? 6 : 8;
            byte[] frame = new byte[header + length];
            frame[0] = (byte) (opcode | (last ? 0x80 : 0));
            if (length < 126) {
                frame[1] = (byte) (0x80 | length);
            } else {
                frame[1] = (byte) (0x80 | 126);
                frame[2] = (byte) (length >> 8);
                frame[3] = (byte) length;
            }
            System.arraycopy(text.getBytes(StandardCharsets.US_ASCII), 0, frame, header, length);
            return frame;
        }

        private byte[] payload(int opcode) throws IOException {
            assertEquals(0x80 | opcode, in.readUnsignedByte());
            int length = in.readUnsignedByte();
            long size = length < 126 ? length : length == 126 ? in.readUnsignedShort() : in.readLong();
            return in.readNBytes((int) size);
        }

        String text() throws IOException {
            return new String(payload(TEXT), StandardCharsets.US_ASCII);
        }

        int closeCode() throws IOException {
            byte[] payload = payload(8);
            return (payload[0] & 0xff) << 8 | payload[1] & 0xff;
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    /** The view of the application. */
    @jakarta.inject.Singleton
    @Requires(property = "spec", value = "FragmentsTest")
    static class Closes {

        final List<String> seen = Collections.synchronizedList(new ArrayList<>());
        final List<String> messages = Collections.synchronizedList(new ArrayList<>());
    }

    /** Sends each message back. */
    abstract static class Echo {

        private final Closes closes;

        Echo(Closes closes) {
            this.closes = closes;
        }

        void echo(String message, WebSocketSession session) {
            closes.messages.add(message);
            session.sendAsync(message);
        }

        @OnClose
        void onClose(CloseReason reason) {
            closes.seen.add(reason.getCode() + " " + reason.getReason());
        }
    }

    @ServerWebSocket("/sized")
    @Requires(property = "spec", value = "FragmentsTest")
    static class Sized extends Echo {

        Sized(Closes closes) {
            super(closes);
        }

        @OnMessage
        @RateLimit(value = "1000/min", permits = "{body-size} / 1024")
        void onMessage(String message, WebSocketSession session) {
            echo(message, session);
        }
    }

    @ServerWebSocket("/bounded")
    @Requires(property = "spec", value = "FragmentsTest")
    static class Bounded extends Echo {

        Bounded(Closes closes) {
            super(closes);
        }

        @OnMessage
        @RateLimit(value = "1000/min", permits = "{body-size} / 1024 1..50")
        void onMessage(String message, WebSocketSession session) {
            echo(message, session);
        }
    }

    @ServerWebSocket("/small")
    @Requires(property = "spec", value = "FragmentsTest")
    static class Small extends Echo {

        Small(Closes closes) {
            super(closes);
        }

        @OnMessage(maxPayloadLength = 1000)
        @RateLimit(value = "1000/min", permits = "{body-size} 1..50")
        void onMessage(String message, WebSocketSession session) {
            echo(message, session);
        }
    }

    @ServerWebSocket("/large")
    @Requires(property = "spec", value = "FragmentsTest")
    static class Large extends Echo {

        Large(Closes closes) {
            super(closes);
        }

        @OnMessage(maxPayloadLength = 1_200_000)
        @RateLimit(value = "1000/min", permits = "{body-size} / 1024 1..50")
        void onMessage(String message, WebSocketSession session) {
            echo(message, session);
        }
    }

    @ServerWebSocket("/count")
    @Requires(property = "spec", value = "FragmentsTest")
    static class Counted extends Echo {

        Counted(Closes closes) {
            super(closes);
        }

        @OnMessage
        @RateLimit("1000/min")
        void onMessage(String message, WebSocketSession session) {
            echo(message, session);
        }
    }

    @ServerWebSocket("/shared")
    @Requires(property = "spec", value = "FragmentsTest")
    static class Shared extends Echo {

        Shared(Closes closes) {
            super(closes);
        }

        @OnMessage(maxPayloadLength = 1000)
        @RateLimit(value = "1/day", permits = "{body-size} / 1024 1..1", key = "{ip}")
        void onMessage(String message, WebSocketSession session) {
            echo(message, session);
        }
    }
}
