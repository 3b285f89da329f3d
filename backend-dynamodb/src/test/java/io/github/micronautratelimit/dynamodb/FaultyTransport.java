package io.github.micronautratelimit.dynamodb;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;

/** Forwards HTTP requests to DynamoDB Local, and injects a fault into the next write, or throttles some of them. */
final class FaultyTransport implements AutoCloseable {

    /** The fate of a write. */
    enum Fault {
        /** It is made, and the connection breaks instead of a response. */
        RESPONSE_LOST,
        /** The connection breaks before it is made. */
        REQUEST_LOST,
        /** It is made twice; the response is the second one. */
        DELIVERED_TWICE
    }

    private record Armed(Fault fault, Runnable before, Runnable after) {}

    private static final Set<String> WRITES = Set.of("UpdateItem", "PutItem");

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpClient store = HttpClient.newHttpClient();
    private final AtomicReference<Armed> armed = new AtomicReference<>();
    private final AtomicInteger writes = new AtomicInteger();
    private final AtomicInteger faults = new AtomicInteger();
    private volatile Predicate<String> throttled = body -> false;

    FaultyTransport() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    /** Injects a fault into the next write. */
    void arm(Fault fault) {
        arm(fault, () -> {}, () -> {});
    }

    /** Injects a fault into the next write, and runs something else before and after it reached the table. */
    void arm(Fault fault, Runnable before, Runnable after) {
        armed.set(new Armed(fault, before, after));
    }

    /** Throttles the writes whose body matches. */
    void throttle(Predicate<String> writesOf) {
        throttled = writesOf;
    }

    /** Returns the writes that clients have sent. */
    int writes() {
        return writes.get();
    }

    /** Returns the faults that were injected. */
    int faults() {
        return faults.get();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = exchange.getRequestBody().readAllBytes();
            String target = exchange.getRequestHeaders().getFirst("X-Amz-Target");
            boolean write = WRITES.contains(target.substring(target.indexOf('.') + 1));
            Armed next = write ? armed.getAndSet(null) : null;
            if (write) {
                writes.incrementAndGet();
                if (throttled.test(new String(body, StandardCharsets.UTF_8))) {
                    answer(
                            exchange,
                            400,
                            ("{\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\","
                                            + "\"message\":\"slow down\"}")
                                    .getBytes(StandardCharsets.UTF_8));
                    return;
                }
            }
            if (next == null) {
                forward(exchange, body);
                return;
            }
            faults.incrementAndGet();
            next.before.run();
            if (next.fault != Fault.REQUEST_LOST) {
                send(exchange, body);
            }
            next.after.run();
            if (next.fault == Fault.DELIVERED_TWICE) {
                forward(exchange, body);
            }
        }
    }

    private void forward(HttpExchange exchange, byte[] body) throws IOException {
        HttpResponse<byte[]> response = send(exchange, body);
        response.headers().firstValue("Date").ifPresent(date -> exchange.getResponseHeaders()
                .set("Date", date));
        answer(exchange, response.statusCode(), response.body());
    }

    private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "application/x-amz-json-1.0");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    private HttpResponse<byte[]> send(HttpExchange exchange, byte[] body) throws IOException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(LocalDynamoDb.endpoint()).POST(HttpRequest.BodyPublishers.ofByteArray(body));
        for (String header : Set.of("X-Amz-Target", "X-Amz-Date", "Authorization", "Content-Type")) {
            String value = exchange.getRequestHeaders().getFirst(header);
            if (value != null) {
                request.header(header, value);
            }
        }
        try {
            return store.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
