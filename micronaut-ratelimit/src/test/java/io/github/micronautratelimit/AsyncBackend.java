package io.github.micronautratelimit;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Inject;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/** Simulates a store on a network: answers later on its own thread, fails, or never answers. */
@Singleton
@Named("async")
@Requires(property = "ratelimit.backend", value = "async")
public class AsyncBackend implements RateLimitBackend {

    /** The behavior of the store. */
    public enum Mood {
        ANSWERS,
        FAILS,
        HANGS
    }

    public volatile Mood mood = Mood.ANSWERS;

    private final MemoryBackend memory;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(task -> new Thread(task, "store-client"));

    public AsyncBackend(MicroClock clock) {
        this(clock, Optional.empty());
    }

    @Inject
    AsyncBackend(MicroClock clock, Optional<Shared> shared) {
        this.memory = shared.map(Shared::memory).orElseGet(() -> new MemoryBackend(clock, 1_000));
    }

    /** The keys that several applications in one process share. */
    public record Shared(MemoryBackend memory) {}

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return later(() -> memory.acquireBlocking(policy, key, permits));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return later(() -> memory.peek(policy, key, permits).join());
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return later(() -> memory.refund(policy, key, permits, chargedAtMicros).join());
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return later(() -> memory.block(policy, key, micros).join());
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return later(() -> memory.reset(policy, key).join());
    }

    @Override
    public ConcurrencyBackend concurrency() {
        ConcurrencyBackend slots = memory.concurrency();
        return new ConcurrencyBackend() {

            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                return later(() ->
                        slots.acquire(policy, key, holder).toCompletableFuture().join());
            }

            @Override
            public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
                return later(() ->
                        slots.renew(policy, key, holder).toCompletableFuture().join());
            }

            @Override
            public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
                return later(() ->
                        slots.release(policy, key, holder).toCompletableFuture().join());
            }

            @Override
            public CompletionStage<Decision> peek(Policy policy, String key) {
                return later(() -> slots.peek(policy, key).toCompletableFuture().join());
            }

            @Override
            public CompletionStage<Void> reset(Policy policy, String key) {
                return later(
                        () -> slots.reset(policy, key).toCompletableFuture().join());
            }
        };
    }

    private <T> CompletionStage<T> later(Supplier<T> decision) {
        return switch (mood) {
            case ANSWERS -> CompletableFuture.supplyAsync(decision, thread);
            case FAILS -> CompletableFuture.failedFuture(new IllegalStateException("The store is unavailable."));
            case HANGS -> new CompletableFuture<>();
        };
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
