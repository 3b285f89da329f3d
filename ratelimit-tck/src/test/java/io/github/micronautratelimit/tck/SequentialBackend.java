package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.limit.Limit;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** A backend that overrides no optional method: it decides batches and several policies by the defaults. */
record SequentialBackend(RateLimitBackend backend) implements RateLimitBackend {

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return backend.acquire(policy, key, permits);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return backend.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return backend.usage(policy, key);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return backend.refund(policy, key, permits, chargedAtMicros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return backend.reset(policy, key);
    }
}
