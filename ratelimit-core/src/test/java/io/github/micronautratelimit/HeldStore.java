package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.memory.MemoryBackend;

/** Decides when the test says so, as memory does; until then callers wait. */
final class HeldStore implements RateLimitBackend {

    private final MemoryBackend memory = new MemoryBackend();
    private final List<Call> calls = Collections.synchronizedList(new ArrayList<>());

    /** A call and how to end it. */
    record Call(Policy policy, String key, List<Long> costs, CompletableFuture<List<Decision>> answer,
                MemoryBackend memory) {

        void isDecided() {
            answer.complete(memory.acquireEach(policy, key, costs).toCompletableFuture().join());
        }

        void fails(Throwable failure) {
            answer.completeExceptionally(failure);
        }
    }

    List<Call> calls() {
        return calls;
    }

    Call call(int place) {
        return calls.get(place);
    }

    MemoryBackend memory() {
        return memory;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return acquireEach(policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        Call call = new Call(policy, key, permits, new CompletableFuture<>(), memory);
        calls.add(call);
        return call.answer;
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return memory.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return memory.refund(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return memory.reset(policy, key);
    }
}
