package io.github.micronautratelimit.client;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.function.Function;

/** The service of another team: a server on a free port that answers as a test says. */
final class Service implements AutoCloseable {

    private final HttpServer server;
    private final List<Call> calls = new CopyOnWriteArrayList<>();
    volatile Function<Call, Answer> script = call -> Answer.ok();

    /** A call that has arrived. */
    record Call(int number, String method, String path, List<String> tokens) {}

    /** An answer with alternating names and values of headers. */
    record Answer(int status, String... headers) {

        static Answer ok(String... headers) {
            return new Answer(200, headers);
        }
    }

    Service() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/", this::answer);
        server.setExecutor(Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "service");
            thread.setDaemon(true);
            return thread;
        }));
        server.start();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            exchange.getRequestBody().readAllBytes();
            Call call;
            synchronized (calls) {
                call = new Call(
                        calls.size() + 1,
                        exchange.getRequestMethod(),
                        exchange.getRequestURI().getPath(),
                        exchange.getRequestHeaders().getOrDefault("X-Token", List.of()));
                calls.add(call);
            }
            Answer answer = script.apply(call);
            for (int i = 0; i < answer.headers.length; i += 2) {
                exchange.getResponseHeaders().add(answer.headers[i], answer.headers[i + 1]);
            }
            exchange.getResponseHeaders().set("Content-Type", "text/plain");
            byte[] body = ("answer " + call.number).getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(answer.status, body.length);
            exchange.getResponseBody().write(body);
        }
    }

    String host() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    String url() {
        return "http://" + host();
    }

    int count() {
        return calls.size();
    }

    List<Call> calls() {
        return List.copyOf(calls);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
