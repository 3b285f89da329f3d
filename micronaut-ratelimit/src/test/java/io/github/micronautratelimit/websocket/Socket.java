package io.github.micronautratelimit.websocket;

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

import io.micronaut.runtime.server.EmbeddedServer;

/** A client's end of a WebSocket: what it is told, in order, and how it ends. */
final class Socket implements WebSocket.Listener, AutoCloseable {

    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static final long SECONDS = 20;

    /** How a connection ended. */
    record End(int code, String reason) {
    }

    private final BlockingQueue<String> received = new LinkedBlockingQueue<>();
    private final StringBuilder text = new StringBuilder();
    private final CompletableFuture<End> end = new CompletableFuture<>();
    private volatile @Nullable WebSocket socket;

    private Socket() {
    }

    /** Opens a connection. Headers are given as name, value, name, value. */
    static Socket open(EmbeddedServer server, String path, String... headers) {
        Socket opened = new Socket();
        WebSocket.Builder builder = CLIENT.newWebSocketBuilder().connectTimeout(Duration.ofSeconds(SECONDS));
        for (int i = 0; i < headers.length; i += 2) {
            builder.header(headers[i], headers[i + 1]);
        }
        URI uri = URI.create("ws://localhost:" + server.getPort() + path);
        opened.socket = builder.buildAsync(uri, opened).join();
        return opened;
    }

    /** Is refused a connection. */
    static HttpResponse<?> refused(EmbeddedServer server, String path, String... headers) {
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

    Socket send(String... messages) {
        for (String message : messages) {
            send(message, true);
        }
        return this;
    }

    /** Nothing happens if the other end has just said goodbye, which {@link #end} tells. */
    Socket send(String part, boolean last) {
        socket().sendText(part, last).exceptionally(closed -> socket()).join();
        return this;
    }

    Socket sendBytes(int size, boolean last) {
        socket().sendBinary(ByteBuffer.allocate(size), last).exceptionally(closed -> socket()).join();
        return this;
    }

    /** Says goodbye and waits for the other end's. */
    End leave() {
        if (!socket().isOutputClosed()) {
            socket().sendClose(WebSocket.NORMAL_CLOSURE, "bye").exceptionally(closed -> socket()).join();
        }
        return end();
    }

    /** Goes without a word. */
    void drop() {
        socket().abort();
    }

    String next() throws InterruptedException {
        String message = received.poll(SECONDS, TimeUnit.SECONDS);
        if (message == null) {
            throw new AssertionError("Nothing was received.");
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

    /** Whatever else has come by the time the connection has ended. */
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

    private WebSocket socket() {
        WebSocket opened = socket;
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
        WebSocket opened = socket;
        if (opened != null) {
            opened.abort();
        }
    }
}
