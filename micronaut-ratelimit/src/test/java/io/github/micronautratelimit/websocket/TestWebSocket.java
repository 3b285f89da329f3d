package io.github.micronautratelimit.websocket;

import io.micronaut.runtime.server.EmbeddedServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The client side of a WebSocket. Keeps the received messages in order, and the close code. */
final class TestWebSocket implements WebSocket.Listener, AutoCloseable {

    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static final long SECONDS = 20;

    /** The end of a connection, with code 1006 if the server sent no close frame. */
    record End(int code, String reason) {}

    private final BlockingQueue<String> received = new LinkedBlockingQueue<>();
    private final StringBuilder text = new StringBuilder();
    private final CompletableFuture<End> end = new CompletableFuture<>();
    private volatile @Nullable WebSocket webSocket;

    private TestWebSocket() {}

    /** Opens a connection. Headers are given as name, value, name, value. */
    static TestWebSocket open(EmbeddedServer server, String path, String... headers) {
        TestWebSocket opened = new TestWebSocket();
        WebSocket.Builder builder = CLIENT.newWebSocketBuilder().connectTimeout(Duration.ofSeconds(SECONDS));
        for (int i = 0; i < headers.length; i += 2) {
            builder.header(headers[i], headers[i + 1]);
        }
        URI uri = URI.create("ws://localhost:" + server.getPort() + path);
        opened.webSocket = builder.buildAsync(uri, opened).join();
        return opened;
    }

    /** Opens a connection that the server rejects, and returns the response. */
    static HttpResponse<?> rejected(EmbeddedServer server, String path, String... headers) {
        try {
            open(server, path, headers).close();
        } catch (CompletionException e) {
            if (e.getCause() instanceof WebSocketHandshakeException handshake) {
                return handshake.getResponse();
            }
            throw e;
        }
        throw new AssertionError("The handshake succeeded.");
    }

    TestWebSocket send(String... messages) {
        for (String message : messages) {
            send(message, true);
        }
        return this;
    }

    /** Sends part of a message. Does nothing if the server has already closed the connection. */
    TestWebSocket send(String part, boolean last) {
        webSocket().sendText(part, last).exceptionally(closed -> webSocket()).join();
        return this;
    }

    TestWebSocket sendBytes(int size, boolean last) {
        webSocket()
                .sendBinary(ByteBuffer.allocate(size), last)
                .exceptionally(closed -> webSocket())
                .join();
        return this;
    }

    /** Sends a close frame and waits for that of the server. */
    End leave() {
        if (!webSocket().isOutputClosed()) {
            webSocket()
                    .sendClose(WebSocket.NORMAL_CLOSURE, "bye")
                    .exceptionally(closed -> webSocket())
                    .join();
        }
        return end();
    }

    /** Closes the connection without a close frame. */
    void drop() {
        webSocket().abort();
    }

    String next() throws InterruptedException {
        String message = received.poll(SECONDS, TimeUnit.SECONDS);
        if (message == null) {
            throw new AssertionError("No message was received.");
        }
        return message;
    }

    List<String> next(int count) throws InterruptedException {
        List<String> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            messages.add(next());
        }
        return messages;
    }

    /** Closes the connection and returns the messages that were not read before. */
    List<String> rest() {
        leave();
        return List.copyOf(received);
    }

    End end() {
        return end.orTimeout(SECONDS, TimeUnit.SECONDS).join();
    }

    boolean isOpen() {
        return !end.isDone();
    }

    private WebSocket webSocket() {
        WebSocket opened = webSocket;
        if (opened == null) {
            throw new IllegalStateException("Not open.");
        }
        return opened;
    }

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
        text.append(data);
        if (last) {
            received.add(text.toString());
            text.setLength(0);
        }
        webSocket.request(1);
        return null;
    }

    @Override
    public @Nullable CompletionStage<?> onClose(WebSocket webSocket, int statusCode, String reason) {
        end.complete(new End(statusCode, reason));
        return null;
    }

    @Override
    public void onError(WebSocket webSocket, Throwable error) {
        end.complete(new End(1006, ""));
    }

    @Override
    public void close() {
        WebSocket opened = webSocket;
        if (opened != null) {
            opened.abort();
        }
    }
}
