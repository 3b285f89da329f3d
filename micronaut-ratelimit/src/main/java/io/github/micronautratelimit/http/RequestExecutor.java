package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpRequest;
import io.micronaut.scheduling.TaskExecutors;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;
import reactor.core.scheduler.Schedulers;

/**
 * Selects the thread that continues a request after a call to the store. Requests continue on threads of the server,
 * never on a thread of the store's client, because the application might block it.
 */
@Internal
@Singleton
@RequiresRateLimit
public class RequestExecutor {

    private final ExecutorService blocking;

    RequestExecutor(@Named(TaskExecutors.BLOCKING) ExecutorService blocking) {
        this.blocking = blocking;
    }

    /**
     * Returns whether {@link #of} is the thread that received the request, on which a response may be created.
     *
     * @param request the request
     * @return {@code false} on servers without event loops
     */
    public boolean keepsThread(HttpRequest<?> request) {
        return false;
    }

    /**
     * Returns the executor that continues a request.
     *
     * @param request the request
     * @return its event loop; on servers without event loops, the blocking executor
     */
    public Executor of(HttpRequest<?> request) {
        return blocking;
    }

    /**
     * Registers a callback for a client that disconnects, or resets the stream of its request, before its response is
     * written, if the server detects that.
     *
     * @param request  the request
     * @param callback does not block and does not throw
     * @return removes the callback
     */
    public Runnable onDisconnect(HttpRequest<?> request, Runnable callback) {
        return () -> {};
    }

    /**
     * Returns the executor that continues a method call.
     *
     * @param request the request that makes the call, or {@code null}
     * @return the event loop of the request if the calling thread must not block; otherwise the blocking executor
     */
    public final Executor ofCaller(@Nullable HttpRequest<?> request) {
        return request != null && Schedulers.isInNonBlockingThread() ? of(request) : blocking;
    }
}
