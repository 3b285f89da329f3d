package io.github.micronautratelimit.testing;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;

/** Decides like the memory, counts the calls, and sums the charged permits minus the refunded ones. */
public final class LedgerStore implements RateLimitBackend {

    private final MemoryBackend memory;
    private final AtomicLong charged = new AtomicLong();
    private final AtomicLong calls = new AtomicLong();
    private volatile boolean unavailable;

    public LedgerStore(MicroClock clock) {
        this.memory = new MemoryBackend(clock, 100_000);
    }

    /** Makes later calls for permits and refunds fail. */
    public void fail() {
        unavailable = true;
    }

    /** Returns the charged permits minus the refunded ones, without regard to time and resets. */
    public long charged() {
        return charged.get();
    }

    public long calls() {
        return calls.get();
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        calls.incrementAndGet();
        if (unavailable) {
            return failed();
        }
        Decision decision = memory.acquireBlocking(policy, key, permits);
        charged.addAndGet(decision.allowed() ? permits : 0);
        return CompletableFuture.completedFuture(decision);
    }

    private static <T> CompletionStage<T> failed() {
        return CompletableFuture.failedFuture(RateLimitBackendException.notCalled("The store is unavailable."));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return memory.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        calls.incrementAndGet();
        if (unavailable) {
            return failed();
        }
        charged.addAndGet(-permits);
        return memory.refund(policy, key, permits, LimitState.LATEST);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return memory.block(policy, key, micros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        calls.incrementAndGet();
        return memory.reset(policy, key);
    }
}
