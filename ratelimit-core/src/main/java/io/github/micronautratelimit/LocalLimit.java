package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

import io.github.micronautratelimit.memory.MemoryBackend;

/**
 * Stands between the application and a store: about one key, a process asks the store no more often than the policy's
 * {@link Policy#localLimits()} say. What comes oftener is denied here, so that a flood from one key costs memory and not
 * the store. Each request counts once, whatever it costs and whether or not the store then grants it. Such denials say
 * {@link Decision.Source#LOCAL_LIMIT} and name the local limits.
 */
public final class LocalLimit implements RateLimitBackend, InFront {

    private final RateLimitBackend store;
    private final MemoryBackend counters;
    private final Map<Policy, Policy> local = new ConcurrentHashMap<>();
    private final LongAdder denials = new LongAdder();

    /**
     * Local limits before a store.
     *
     * @param store the backend asked with what passes, or a {@link Guard} around it
     * @param clock tells the time
     */
    public LocalLimit(RateLimitBackend store, MicroClock clock) {
        this.store = store;
        this.counters = new MemoryBackend(clock, MemoryBackend.defaultMaxKeys());
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        if (policy.localLimits().isEmpty() || permits == 0) {
            return store.acquire(policy, key, permits);
        }
        Decision decision = counters.acquireBlocking(localOf(policy), key, 1);
        if (decision.allowed()) {
            return store.acquire(policy, key, permits);
        }
        denials.increment();
        return CompletableFuture.completedFuture(denial(decision));
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        if (policy.localLimits().isEmpty() || permits == 0) {
            return store.acquireBlocking(policy, key, permits);
        }
        Decision decision = counters.acquireBlocking(localOf(policy), key, 1);
        if (decision.allowed()) {
            return store.acquireBlocking(policy, key, permits);
        }
        denials.increment();
        return denial(decision);
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        List<Ask> limited = new ArrayList<>();
        for (Ask ask : asks) {
            if (!ask.policy().localLimits().isEmpty() && ask.permits() > 0) {
                limited.add(new Ask(localOf(ask.policy()), ask.key(), 1));
            }
        }
        List<Decision> local = limited.isEmpty() ? List.of() : counters.acquireAll(limited).join();
        if (local.stream().allMatch(Decision::allowed)) {
            return store.acquireAll(asks);
        }
        denials.increment();
        int next = 0;
        List<Decision> decisions = new ArrayList<>(asks.size());
        for (Ask ask : asks) {
            boolean counted = !ask.policy().localLimits().isEmpty() && ask.permits() > 0;
            Decision decision = counted ? local.get(next++) : null;
            decisions.add(decision == null || decision.allowed()
                    ? new Decision.Allowed(0, 0, Decision.Source.LOCAL_LIMIT) : denial(decision));
        }
        return CompletableFuture.completedFuture(decisions);
    }

    /** The requests denied here. */
    long denials() {
        return denials.sum();
    }

    private Policy localOf(Policy policy) {
        Policy found = local.get(policy);
        return found != null ? found : local.computeIfAbsent(policy,
                whole -> new Policy(whole.name(), whole.localLimits(), whole.onError()));
    }

    private static Decision denial(Decision decision) {
        return new Decision.Denied(0, decision.retryAfterMicros(), decision.resetAfterMicros(), decision.deniedBy(),
                Decision.Source.LOCAL_LIMIT);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return store.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return store.refund(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return store.block(policy, key, micros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        counters.reset(policy, key);
        return store.reset(policy, key);
    }

    @Override
    public RateLimitBackend of() {
        return store;
    }

    @Override
    public LeaseBackend leases() {
        return store.leases();
    }

    @Override
    public void close() {
        store.close();
    }
}
