package io.github.micronautratelimit.testing;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Holds each call for permits until the test decides or fails it. Decides like the memory; supports no slots. */
public final class HeldStore implements RateLimitBackend {

    private final MemoryBackend memory = new MemoryBackend();
    private final List<HeldCall> calls = Collections.synchronizedList(new ArrayList<>());

    /** A call that the store holds. */
    public record HeldCall(
            Policy policy,
            String key,
            List<Long> costs,
            CompletableFuture<List<Decision>> answer,
            MemoryBackend memory) {

        /** Answers with the decisions of the memory. */
        public void decide() {
            answer.complete(Await.result(memory.acquireBatch(policy, key, costs)));
        }

        /** Answers with a failure. */
        public void fail(Throwable failure) {
            answer.completeExceptionally(failure);
        }
    }

    public List<HeldCall> calls() {
        return calls;
    }

    public HeldCall call(int index) {
        return calls.get(index);
    }

    public MemoryBackend memory() {
        return memory;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return acquireBatch(policy, key, List.of(permits)).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        HeldCall call = new HeldCall(policy, key, permits, new CompletableFuture<>(), memory);
        calls.add(call);
        return call.answer;
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return memory.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return memory.refund(policy, key, permits, chargedAtMicros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return memory.reset(policy, key);
    }
}
