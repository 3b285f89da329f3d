package io.github.micronautratelimit.http;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;

import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.http.HttpRequest;
import io.micronaut.scheduling.TaskExecutors;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/**
 * Says where a request goes on after it had to wait for a store: on a thread of the server, never on one of the store's
 * client, which the application might then block. On servers without event loops that is the blocking executor.
 */
@Singleton
@RequiresRateLimit
class RequestExecutor {

    private final ExecutorService blocking;

    RequestExecutor(@Named(TaskExecutors.BLOCKING) ExecutorService blocking) {
        this.blocking = blocking;
    }

    /** Whether what follows runs on the thread the request came in on, where a response may be made. */
    boolean keepsThread(HttpRequest<?> request) {
        return false;
    }

    /** The executor for what follows in the request. */
    Executor of(HttpRequest<?> request) {
        return blocking;
    }
}
