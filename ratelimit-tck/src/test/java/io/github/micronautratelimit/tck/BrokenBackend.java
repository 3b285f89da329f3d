package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A correct backend; each subclass breaks one rule. Requests for permits of a single call all pass {@link #acquire}.
 */
class BrokenBackend extends ForwardingBackend {

    BrokenBackend(RateLimitBackend correct) {
        super(correct);
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        return awaitAcquire(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return acquireOneByOne(policy, key, permits);
    }

    static Decision join(CompletionStage<Decision> stage) {
        return stage.toCompletableFuture().join();
    }

    static CompletionStage<Decision> completed(Decision decision) {
        return CompletableFuture.completedStage(decision);
    }
}
