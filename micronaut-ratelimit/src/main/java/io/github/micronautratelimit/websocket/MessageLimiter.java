package io.github.micronautratelimit.websocket;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Decides on messages. Limits per connection are always counted in memory, because only this process has the
 * connection. All other limits are counted in the configured backend.
 */
@Singleton
@RequiresRateLimit
final class MessageLimiter {

    private static final Decisions NONE = new Decisions(List.of(), List.of());

    private final AsyncRateLimiter shared;
    private final AsyncRateLimiter perConnection;

    MessageLimiter(RateLimiter limiter, MemoryBackend memory) {
        this.shared = limiter.async();
        this.perConnection = limiter.over(memory).async();
    }

    /**
     * Charges a message under all limits, or under none.
     *
     * @param limits the limits on its connection
     * @param size   its length in bytes
     * @return the decisions
     */
    CompletableFuture<Decisions> tryAcquire(MessageLimits limits, long size) {
        Decisions denial = limits.denial();
        if (denial != null) {
            return denied(denial);
        }
        List<PermitRequest> ofConnection;
        List<PermitRequest> ofOthers;
        try {
            ofConnection = limits.requests(size, true);
            ofOthers = limits.requests(size, false);
        } catch (RateLimitExceededException e) {
            return denied(e.decisions());
        }
        if (ofConnection.isEmpty() && ofOthers.isEmpty()) {
            return CompletableFuture.completedFuture(NONE);
        }
        if (ofOthers.isEmpty()) {
            return perConnection.tryAcquireAll(ofConnection).toCompletableFuture();
        }
        if (ofConnection.isEmpty()) {
            return shared.tryAcquireAll(ofOthers).toCompletableFuture();
        }
        return perConnection
                .tryAcquireAll(ofConnection)
                .thenCompose(
                        taken -> taken.allowed() ? addTo(taken, ofOthers) : CompletableFuture.completedStage(taken))
                .toCompletableFuture();
    }

    private CompletableFuture<Decisions> denied(Decisions denial) {
        shared.report(denial);
        return CompletableFuture.completedFuture(denial);
    }

    /** Charges the other limits too. If one denies, refunds the permits that are already taken. */
    private CompletionStage<Decisions> addTo(Decisions taken, List<PermitRequest> ofOthers) {
        return shared.tryAcquireAll(ofOthers).thenApply(further -> {
            if (further.allowed()) {
                return taken.and(further);
            }
            perConnection.refund(taken);
            return further;
        });
    }
}
