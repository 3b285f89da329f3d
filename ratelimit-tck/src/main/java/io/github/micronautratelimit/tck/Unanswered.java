package io.github.micronautratelimit.tck;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;

/** Counts the permits that were asked for and of which the backend cannot say whether they were taken. */
final class Unanswered implements RateLimitBackend {

    private final RateLimitBackend backend;
    private final AtomicLong permits = new AtomicLong();

    Unanswered(RateLimitBackend backend) {
        this.backend = backend;
    }

    /** Those of calls under way included. */
    long permits() {
        return permits.get();
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long cost) {
        permits.addAndGet(cost);
        CompletionStage<Decision> answer = backend.acquire(policy, key, cost);
        answer.whenComplete((decision, failure) -> {
            Throwable reason = failure instanceof CompletionException && failure.getCause() != null
                    ? failure.getCause() : failure;
            if (!(reason instanceof TimeoutException || reason instanceof CancellationException)) {
                permits.addAndGet(-cost);
            }
        });
        return answer;
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        return backend.acquireAll(asks);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long cost) {
        return backend.peek(policy, key, cost);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long cost) {
        return backend.refund(policy, key, cost);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return backend.block(policy, key, micros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return backend.reset(policy, key);
    }

    @Override
    public LeaseBackend leases() {
        return backend.leases();
    }

    @Override
    public Duration deadline() {
        return backend.deadline();
    }
}
