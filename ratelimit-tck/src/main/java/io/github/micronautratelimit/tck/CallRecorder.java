package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.RecordedCall.Verb;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.ToLongFunction;

/** Calls a backend on one key and records the calls. Used by one thread. */
final class CallRecorder {

    private static final String KEY = "key";

    private final RateLimitBackend backend;
    private final ToLongFunction<Decision> timeOf;
    private final List<RecordedCall> calls = new ArrayList<>();

    /**
     * @param backend the store
     * @param timeOf  the instant at which the store made a decision, in microseconds since the epoch
     */
    CallRecorder(RateLimitBackend backend, ToLongFunction<Decision> timeOf) {
        this.backend = backend;
        this.timeOf = timeOf;
    }

    List<RecordedCall> calls() {
        return calls;
    }

    /** Returns the permits that were granted. */
    long acquire(Policy policy, long permits) {
        long invoked = System.nanoTime();
        Decision decision = join(backend.acquire(policy, KEY, permits));
        return decided(Verb.ACQUIRE, policy, permits, invoked, decision) ? permits : 0;
    }

    /** Returns the permits that were granted. */
    long acquireBatch(Policy policy, List<Long> costs) {
        long invoked = System.nanoTime();
        List<Decision> decisions = join(backend.acquireBatch(policy, KEY, costs));
        long granted = 0;
        for (int i = 0; i < costs.size(); i++) {
            granted += decided(Verb.ACQUIRE, policy, costs.get(i), invoked, decisions.get(i)) ? costs.get(i) : 0;
        }
        return granted;
    }

    void peek(Policy policy, long permits) {
        long invoked = System.nanoTime();
        Decision decision = join(backend.peek(policy, KEY, permits));
        decided(Verb.PEEK, policy, permits, invoked, decision);
    }

    void refund(Policy policy, long permits) {
        long invoked = System.nanoTime();
        join(backend.refund(policy, KEY, permits, LimitState.LATEST));
        done(Verb.REFUND, policy, permits, invoked);
    }

    void block(Policy policy, long micros) {
        long invoked = System.nanoTime();
        join(backend.block(policy, KEY, micros));
        done(Verb.BLOCK, policy, micros, invoked);
    }

    void reset(Policy policy) {
        long invoked = System.nanoTime();
        join(backend.reset(policy, KEY));
        done(Verb.RESET, policy, 0, invoked);
    }

    private boolean decided(Verb verb, Policy policy, long permits, long invoked, Decision decision) {
        calls.add(new RecordedCall(
                verb,
                policy.rateLimits(),
                permits,
                timeOf.applyAsLong(decision),
                invoked,
                System.nanoTime(),
                GoldenTrace.Answer.of(decision)));
        return decision.allowed();
    }

    private void done(Verb verb, Policy policy, long amount, long invoked) {
        calls.add(new RecordedCall(
                verb, policy.rateLimits(), amount, RecordedCall.UNKNOWN, invoked, System.nanoTime(), null));
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }
}
