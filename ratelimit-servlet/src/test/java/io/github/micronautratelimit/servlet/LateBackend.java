package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Simulates a remote store: answers on its own thread, as soon as the test permits it. */
final class LateBackend implements RateLimitBackend {

    volatile CompletableFuture<Void> mayAnswer = CompletableFuture.completedFuture(null);
    volatile boolean fails;

    private final MemoryBackend memory;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(task -> new Thread(task, "store-client"));

    LateBackend(MemoryBackend memory) {
        this.memory = memory;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        if (fails) {
            return CompletableFuture.failedFuture(new IllegalStateException("The store is unavailable."));
        }
        return mayAnswer.thenApplyAsync(permitted -> memory.acquireBlocking(policy, key, permits), thread);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return memory.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return memory.refund(policy, key, permits, chargedAtMicros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return memory.reset(policy, key);
    }

    @Override
    public ConcurrencyBackend concurrency() {
        return memory.concurrency();
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
