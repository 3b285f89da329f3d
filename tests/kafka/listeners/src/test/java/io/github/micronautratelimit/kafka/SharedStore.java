package io.github.micronautratelimit.kafka;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.net.ConnectException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;

/** A store that all applications of this process share, and that can be unavailable. */
final class SharedStore extends ForwardingBackend {

    static final AtomicBoolean AVAILABLE = new AtomicBoolean(true);

    private static final MemoryBackend MEMORY = new MemoryBackend();

    private SharedStore() {
        super(MEMORY);
    }

    @Factory
    @Requires(property = "ratelimit.backend", value = "shared")
    static final class Beans {

        @Singleton
        @Named("shared")
        @Bean(typed = RateLimitBackend.class)
        RateLimitBackend store() {
            return new SharedStore();
        }
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return AVAILABLE.get() ? super.acquire(policy, key, permits) : unavailable();
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        return acquire(policy, key, permits).toCompletableFuture().join();
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return AVAILABLE.get() ? super.acquireBatch(policy, key, permits) : unavailable();
    }

    private static <T> CompletionStage<T> unavailable() {
        return CompletableFuture.failedFuture(new ConnectException("unavailable"));
    }

    @Override
    public boolean isLocal() {
        return false;
    }

    @Override
    public void close() {
        // The other applications go on.
    }
}
