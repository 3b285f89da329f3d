package io.github.micronautratelimit;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/** A store behind a network, as seen from here: answers later, on a thread of its own, or fails, or never answers. */
@Singleton
@Named("async")
@Requires(property = "ratelimit.backend", value = "async")
public class AsyncBackend implements RateLimitBackend {

    /** How the store does. */
    public enum Mood {
        ANSWERS, FAILS, HANGS
    }

    public volatile Mood mood = Mood.ANSWERS;

    private final MemoryBackend memory;
    private final ExecutorService thread =
            Executors.newSingleThreadExecutor(task -> new Thread(task, "store-client"));

    public AsyncBackend(MicroClock clock) {
        this.memory = new MemoryBackend(clock, 1_000);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return later(() -> memory.acquireBlocking(policy, key, permits));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return later(() -> memory.peek(policy, key, permits).join());
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return later(() -> memory.refund(policy, key, permits).join());
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return later(() -> memory.reset(policy, key).join());
    }

    private <T> CompletionStage<T> later(Supplier<T> decision) {
        return switch (mood) {
            case ANSWERS -> CompletableFuture.supplyAsync(decision, thread);
            case FAILS -> CompletableFuture.failedFuture(new IllegalStateException("The store is away."));
            case HANGS -> new CompletableFuture<>();
        };
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
