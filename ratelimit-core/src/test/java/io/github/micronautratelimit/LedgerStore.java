package io.github.micronautratelimit;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;

import io.github.micronautratelimit.memory.MemoryBackend;

/** Decides as memory does, and keeps the books: what it has charged, less what it was given back. */
final class LedgerStore implements RateLimitBackend {

    private final MemoryBackend memory;
    final AtomicLong charged = new AtomicLong();
    final AtomicLong calls = new AtomicLong();
    volatile boolean away;

    LedgerStore(MicroClock clock) {
        this.memory = new MemoryBackend(clock, 100_000);
    }

    MemoryBackend memory() {
        return memory;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        calls.incrementAndGet();
        if (away) {
            return CompletableFuture.failedFuture(new RateLimitBackendException("away", null, false));
        }
        Decision decision = memory.acquireBlocking(policy, key, permits);
        charged.addAndGet(decision.allowed() ? permits : 0);
        return CompletableFuture.completedFuture(decision);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return memory.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        calls.incrementAndGet();
        if (away) {
            return CompletableFuture.failedFuture(new RateLimitBackendException("away", null, false));
        }
        charged.addAndGet(-permits);
        return memory.refund(policy, key, permits);
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
