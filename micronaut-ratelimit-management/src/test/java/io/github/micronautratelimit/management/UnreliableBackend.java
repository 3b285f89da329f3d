package io.github.micronautratelimit.management;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** A store that answers on another thread, or fails. */
@Singleton
@Named("unreliable")
@Requires(property = "ratelimit.backend", value = "unreliable")
class UnreliableBackend implements RateLimitBackend {

    volatile boolean failing;

    private final MemoryBackend memory;

    UnreliableBackend(MicroClock clock) {
        this.memory = new MemoryBackend(clock, 1_000);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return answer(() -> memory.acquire(policy, key, permits));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return answer(() -> memory.peek(policy, key, permits));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return answer(() -> memory.refund(policy, key, permits, chargedAtMicros));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return answer(() -> memory.reset(policy, key));
    }

    private <T> CompletionStage<T> answer(Supplier<CompletionStage<T>> call) {
        return failing
                ? CompletableFuture.failedFuture(new IllegalStateException("The connection is refused."))
                : CompletableFuture.supplyAsync(call).thenCompose(stage -> stage);
    }
}
