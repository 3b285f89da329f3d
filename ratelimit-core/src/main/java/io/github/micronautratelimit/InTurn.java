package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

/** Several asks, one after the other; what was taken is given back when one denies or fails. */
final class InTurn {

    private final RateLimitBackend backend;
    private final List<Ask> asks;
    private final List<Decision> decisions = new ArrayList<>();

    InTurn(RateLimitBackend backend, List<Ask> asks) {
        this.backend = backend;
        this.asks = asks;
    }

    CompletionStage<List<Decision>> acquire() {
        if (decisions.size() == asks.size()) {
            return CompletableFuture.completedFuture(decisions);
        }
        Ask ask = asks.get(decisions.size());
        return RateLimiter.called(() -> backend.acquire(ask.policy(), ask.key(), ask.permits()))
                .handle((decision, failure) -> {
                    if (failure != null) {
                        return giveBack().<List<Decision>>thenApply(done -> {
                            throw new CompletionException(failure);
                        });
                    }
                    if (!decision.allowed()) {
                        return giveBack().thenApply(done -> {
                            decisions.add(decision);
                            return decisions;
                        });
                    }
                    decisions.add(decision);
                    return acquire();
                })
                .thenCompose(next -> next);
    }

    /** Refunds all that was granted; a refund that fails is lost, which costs permits but admits nobody. */
    private CompletionStage<Void> giveBack() {
        CompletionStage<Void> done = CompletableFuture.completedStage(null);
        for (int i = decisions.size() - 1; i >= 0; i--) {
            Ask taken = asks.get(i);
            done = done.thenCompose(before ->
                    RateLimiter.called(() -> backend.refund(taken.policy(), taken.key(), taken.permits()))
                            .exceptionally(lost -> null));
        }
        return done;
    }
}
