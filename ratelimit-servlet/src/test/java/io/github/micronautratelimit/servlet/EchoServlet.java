package io.github.micronautratelimit.servlet;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

/** Answers with its thread, or fails in one of the ways servlets fail, or answers later. */
final class EchoServlet extends HttpServlet {

    private static final long serialVersionUID = 1L;

    /** What requests with {@code way=hold} wait for. */
    static volatile CompletableFuture<Void> leave = new CompletableFuture<>();
    static final AtomicInteger INSIDE = new AtomicInteger();

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String way = request.getParameter("way") == null ? "" : request.getParameter("way");
        switch (way) {
            case "error" -> response.sendError(500, "wrong");
            case "missing" -> response.sendError(404);
            case "throw" -> throw new IllegalStateException("thrown");
            case "later" -> {
                AsyncContext async = request.startAsync();
                async.start(() -> {
                    try {
                        answer(response, "later");
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    } finally {
                        async.complete();
                    }
                });
            }
            case "hold" -> {
                INSIDE.incrementAndGet();
                leave.join();
                answer(response, "held");
            }
            case "body" -> answer(response, Integer.toString(request.getInputStream().readAllBytes().length));
            default -> answer(response, Thread.currentThread().getName());
        }
    }

    private static void answer(HttpServletResponse response, String text) throws IOException {
        response.setContentType("text/plain");
        response.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }
}
