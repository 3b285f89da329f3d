package io.github.micronautratelimit.examples.lambda;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The runtime API of Lambda: sends each event to the instance that polls next, and receives the responses. */
final class RuntimeApi implements AutoCloseable {

    private static final String PREFIX = "/2018-06-01/runtime/";

    private final HttpServer server;
    private final BlockingQueue<Integer> waiting = new LinkedBlockingQueue<>();
    private final Map<Integer, String> events = new ConcurrentHashMap<>();
    private final Map<Integer, CompletableFuture<String>> answers = new ConcurrentHashMap<>();
    private final AtomicInteger ids = new AtomicInteger();
    /** Has a permit for each poll of an instance. */
    final Semaphore polls = new Semaphore(0);

    final CountDownLatch restore = new CountDownLatch(1);
    final CountDownLatch checkpointed = new CountDownLatch(1);

    RuntimeApi() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext(PREFIX, this::handle);
        server.start();
    }

    String address() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    /** Sends an event to the instance that polls next. */
    CompletableFuture<String> invoke(String event) {
        int id = ids.incrementAndGet();
        CompletableFuture<String> answer = new CompletableFuture<>();
        events.put(id, event);
        answers.put(id, answer);
        waiting.add(id);
        return answer;
    }

    private void handle(HttpExchange exchange) throws IOException {
        try {
            String path = exchange.getRequestURI().getPath().substring(PREFIX.length());
            byte[] body = exchange.getRequestBody().readAllBytes();
            if (path.equals("invocation/next")) {
                polls.release();
                int id = waiting.take();
                exchange.getResponseHeaders().add("Lambda-Runtime-Aws-Request-Id", Integer.toString(id));
                exchange.getResponseHeaders()
                        .add(
                                "Lambda-Runtime-Deadline-Ms",
                                Long.toString(System.currentTimeMillis() + TimeUnit.MINUTES.toMillis(1)));
                exchange.getResponseHeaders()
                        .add(
                                "Lambda-Runtime-Invoked-Function-Arn",
                                "arn:aws:lambda:eu-central-1:123456789012:function:quotes");
                answer(exchange, 200, events.get(id));
            } else if (path.equals("restore/next")) {
                checkpointed.countDown();
                restore.await();
                answer(exchange, 200, "");
            } else if (path.startsWith("invocation/")) {
                answers.get(Integer.parseInt(path.split("/")[1])).complete(new String(body, StandardCharsets.UTF_8));
                answer(exchange, 202, "");
            } else {
                answers.values()
                        .forEach(answer -> answer.completeExceptionally(
                                new AssertionError(path + ": " + new String(body, StandardCharsets.UTF_8))));
                answer(exchange, 202, "");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Override
    public void close() {
        restore.countDown();
        server.stop(0);
    }
}
