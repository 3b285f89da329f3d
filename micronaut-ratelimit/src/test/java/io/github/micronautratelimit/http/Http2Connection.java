package io.github.micronautratelimit.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** A client that writes the frames of RFC 9113 itself, so that it may also break off. */
final class Http2Connection implements AutoCloseable {

    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int RST_STREAM = 3;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int GOAWAY = 7;

    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;
    private static final int ACK = 1;

    private final Socket socket;
    private final OutputStream out;
    private final Map<Integer, Http2Headers> responses = new ConcurrentHashMap<>();
    private final Map<Integer, Boolean> ended = new ConcurrentHashMap<>();
    private int nextStream = 1;
    private volatile int pongs;

    private Http2Connection(int port) throws IOException {
        this.socket = new Socket("127.0.0.1", port);
        this.out = socket.getOutputStream();
    }

    /** Opens a connection with prior knowledge. */
    static Http2Connection open(int port) throws IOException {
        Http2Connection connection = new Http2Connection(port);
        connection.start();
        return connection;
    }

    /** Opens a connection by a request with HTTP/1.1, which becomes stream 1. */
    static Http2Connection upgrade(int port, String path, String headers) throws IOException {
        Http2Connection connection = new Http2Connection(port);
        connection.out.write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers
                        + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        StringBuilder answer = new StringBuilder();
        while (!answer.toString().endsWith("\r\n\r\n")) {
            int next = connection.socket.getInputStream().read();
            if (next < 0) {
                throw new IOException("Not upgraded: " + answer);
            }
            answer.append((char) next);
        }
        if (!answer.toString().startsWith("HTTP/1.1 101 ")) {
            throw new IOException("Not upgraded: " + answer);
        }
        connection.nextStream = 3;
        connection.start();
        return connection;
    }

    private void start() throws IOException {
        out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        write(SETTINGS, 0, 0, new byte[0]);
        Thread reader = new Thread(this::read, "http2-client");
        reader.setDaemon(true);
        reader.start();
    }

    /** Sends a GET request and returns its stream. */
    synchronized int get(String path) throws IOException {
        int stream = nextStream;
        nextStream += 2;
        write(HEADERS, END_STREAM | END_HEADERS, stream, headers(path));
        return stream;
    }

    /** Sends a GET request and its reset in one piece. */
    synchronized int getAndReset(String path) throws IOException {
        int stream = nextStream;
        nextStream += 2;
        ByteArrayOutputStream both = new ByteArrayOutputStream();
        both.write(frame(HEADERS, END_STREAM | END_HEADERS, stream, headers(path)));
        both.write(frame(RST_STREAM, 0, stream, new byte[] {0, 0, 0, 8}));
        out.write(both.toByteArray());
        out.flush();
        return stream;
    }

    void reset(int stream) throws IOException {
        write(RST_STREAM, 0, stream, new byte[] {0, 0, 0, 8});
    }

    void goAway() throws IOException {
        write(GOAWAY, 0, 0, new byte[8]);
    }

    void ping() throws IOException {
        write(PING, 0, 0, new byte[8]);
    }

    int pongs() {
        return pongs;
    }

    /** Returns the status of a response, or 0 before it has arrived. */
    int status(int stream) {
        Http2Headers response = responses.get(stream);
        return response == null ? 0 : Integer.parseInt(response.status().toString());
    }

    @Nullable
    String header(int stream, String name) {
        Http2Headers response = responses.get(stream);
        CharSequence value = response == null ? null : response.get(name);
        return value == null ? null : value.toString();
    }

    boolean isEnded(int stream) {
        return ended.containsKey(stream);
    }

    private static byte[] headers(String path) {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.write(0x82); // :method GET
        block.write(0x86); // :scheme http
        literal(block, 4, path);
        literal(block, 1, "localhost");
        return block.toByteArray();
    }

    /** Writes a header with a name of the static table, not indexed (RFC 7541, 6.2.2). */
    private static void literal(ByteArrayOutputStream block, int name, String value) {
        block.write(name);
        block.write(value.length());
        block.writeBytes(value.getBytes(StandardCharsets.US_ASCII));
    }

    private synchronized void write(int type, int flags, int stream, byte[] payload) throws IOException {
        out.write(frame(type, flags, stream, payload));
        out.flush();
    }

    private static byte[] frame(int type, int flags, int stream, byte[] payload) {
        ByteBuf frame = Unpooled.buffer();
        frame.writeMedium(payload.length)
                .writeByte(type)
                .writeByte(flags)
                .writeInt(stream)
                .writeBytes(payload);
        byte[] bytes = new byte[frame.readableBytes()];
        frame.readBytes(bytes);
        return bytes;
    }

    private void read() {
        DefaultHttp2HeadersDecoder decoder = new DefaultHttp2HeadersDecoder();
        try {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            while (true) {
                int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
                int type = in.readUnsignedByte();
                int flags = in.readUnsignedByte();
                int stream = in.readInt();
                byte[] payload = in.readNBytes(length);
                if (type == HEADERS) {
                    responses.put(stream, decoder.decodeHeaders(stream, Unpooled.wrappedBuffer(payload)));
                }
                if (type == RST_STREAM || (type == HEADERS || type == DATA) && (flags & END_STREAM) != 0) {
                    ended.put(stream, true);
                }
                if (type == PING && (flags & ACK) != 0) {
                    pongs++;
                }
                if (type == SETTINGS && (flags & ACK) == 0) {
                    write(SETTINGS, ACK, 0, new byte[0]);
                }
            }
        } catch (IOException | Http2Exception e) {
            ended.put(0, true);
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
