package io.github.micronautratelimit.intercept;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.http.HttpRequest;
import io.micronaut.scheduling.TaskExecutors;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import reactor.core.scheduler.Schedulers;

/**
 * Says where work goes on that had to wait for a store: on a thread of the server, never on one of the store's client,
 * which the application might then block.
 */
@Singleton
@RequiresRateLimit
public class RequestExecutor {

    private final ExecutorService blocking;

    RequestExecutor(@Named(TaskExecutors.BLOCKING) ExecutorService blocking) {
        this.blocking = blocking;
    }

    /**
     * Whether what follows in a request runs on the thread it came in on, where a response may be made.
     *
     * @param request the request
     * @return {@code false} on servers without event loops
     */
    public boolean keepsThread(HttpRequest<?> request) {
        return false;
    }

    /**
     * Where a request goes on.
     *
     * @param request the request
     * @return its event loop; on servers without event loops, the blocking executor
     */
    public Executor of(HttpRequest<?> request) {
        return blocking;
    }

    /**
     * Has something done when the client goes before its response is written, if the server can tell.
     *
     * @param request the request
     * @param then    does not block and does not throw
     * @return calls it off
     */
    public Runnable whenGone(HttpRequest<?> request, Runnable then) {
        return () -> { };
    }

    /**
     * Where a call goes on: the request's event loop if the calling thread must not block, else the blocking executor.
     *
     * @param request the request the call is made in, or {@code null}
     * @return the executor
     */
    public final Executor ofCaller(@Nullable HttpRequest<?> request) {
        return request != null && Schedulers.isInNonBlockingThread() ? of(request) : blocking;
    }
}
