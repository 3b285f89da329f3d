package io.github.micronautratelimit.websocket;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import jakarta.inject.Singleton;

/**
 * Decides on messages. A connection is this process's alone, so what is limited per connection is counted in memory,
 * whatever store there is.
 */
@Singleton
@RequiresRateLimit
final class MessageLimiter {

    private final RateLimiter shared;
    private final RateLimiter own;

    MessageLimiter(RateLimiter limiter, MemoryBackend memory) {
        this.shared = limiter;
        this.own = limiter.over(memory);
    }

    /**
     * Takes what a message costs under all limits, or nothing.
     *
     * @param limits the limits on its connection
     * @param size   its length in bytes
     * @return what was decided
     */
    CompletableFuture<Decisions> acquire(MessageLimits limits, long size) {
        List<Ask> ofConnection = limits.asks(size, true);
        List<Ask> ofMany = limits.asks(size, false);
        if (ofMany.isEmpty()) {
            return own.acquireAllAsync(ofConnection).toCompletableFuture();
        }
        if (ofConnection.isEmpty()) {
            return shared.acquireAllAsync(ofMany).toCompletableFuture();
        }
        CompletionStage<Decisions> first = own.acquireAllAsync(ofConnection);
        return first.thenCompose(taken -> taken.allowed()
                ? shared.acquireAllAsync(ofMany).thenApply(then -> then.allowed() ? taken.and(then) : givingBack(taken, then))
                : first).toCompletableFuture();
    }

    private Decisions givingBack(Decisions taken, Decisions denial) {
        taken.asks().forEach(ask -> own.refundAsync(ask.policy(), ask.key(), ask.permits()));
        return denial;
    }
}
