package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.internal.Futures;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Counts calls without a result, also those that a limiter makes after a request is answered. A call is pending until
 * the calls that depend on its result have begun.
 */
final class PendingCalls extends ForwardingBackend {

    private final AtomicInteger pending = new AtomicInteger();

    PendingCalls(RateLimitBackend backend) {
        super(backend);
    }

    /** Waits until no call is pending. */
    void awaitNone() {
        FaultCase.await("no call is pending", () -> pending.get() == 0);
    }

    private <T> CompletionStage<T> counted(Supplier<CompletionStage<T>> call) {
        pending.incrementAndGet();
        CompletableFuture<T> answer = new CompletableFuture<>();
        Futures.call(call).whenComplete((value, failure) -> {
            if (failure == null) {
                answer.complete(value);
            } else {
                answer.completeExceptionally(failure);
            }
            pending.decrementAndGet();
        });
        return answer;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return counted(() -> super.acquire(policy, key, permits));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return counted(() -> super.refund(policy, key, permits, chargedAtMicros));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return counted(() -> super.block(policy, key, micros));
    }
}
