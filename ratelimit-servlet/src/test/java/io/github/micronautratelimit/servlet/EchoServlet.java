package io.github.micronautratelimit.servlet;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Responds with the name of its thread, or fails, or responds asynchronously, depending on the parameter {@code way}.
 */
final class EchoServlet extends HttpServlet {

    private static final long serialVersionUID = 1L;

    /** Releases requests with {@code way=hold}. */
    static volatile CompletableFuture<Void> leave = new CompletableFuture<>();

    static final AtomicInteger INSIDE = new AtomicInteger();

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
            throws IOException, ServletException {
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
            case "never" -> {
                request.startAsync().setTimeout(0);
                INSIDE.incrementAndGet();
            }
            case "forward" -> request.getRequestDispatcher("/target?way=").forward(request, response);
            case "forward-twice" -> request.getRequestDispatcher("/middle?way=forward")
                    .forward(request, response);
            case "include" -> request.getRequestDispatcher("/target?way=").include(request, response);
            case "dispatch" -> request.startAsync().dispatch("/target?way=");
            case "body" -> answer(
                    response, Integer.toString(request.getInputStream().readAllBytes().length));
            default -> answer(response, Thread.currentThread().getName());
        }
    }

    private static void answer(HttpServletResponse response, String text) throws IOException {
        response.setContentType("text/plain");
        response.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }
}
