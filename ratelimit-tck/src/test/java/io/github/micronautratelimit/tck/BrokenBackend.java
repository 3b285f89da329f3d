package io.github.micronautratelimit.tck;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;

/** A backend that decides rightly; each subclass breaks one rule. */
class BrokenBackend implements RateLimitBackend {

    final RateLimitBackend right;

    BrokenBackend(RateLimitBackend right) {
        this.right = right;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return right.acquire(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        return right.acquireAll(asks);
    }

    /** What a backend does that does not override it. */
    CompletionStage<List<Decision>> inTurn(List<Ask> asks) {
        return RateLimitBackend.super.acquireAll(asks);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return right.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return right.refund(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return right.block(policy, key, micros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return right.reset(policy, key);
    }

    static Decision decided(CompletionStage<Decision> stage) {
        return stage.toCompletableFuture().join();
    }

    static CompletionStage<Decision> completed(Decision decision) {
        return CompletableFuture.completedStage(decision);
    }
}
