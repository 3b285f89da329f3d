package io.github.micronautratelimit.hotkey;

import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.LoadingCache;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Limits how often this instance calls the store for one key, by {@link Policy#localLimits()}. Requests beyond that are
 * denied here, so that a flood of requests for one key costs memory and not the store. Each request counts once,
 * whatever it costs and whatever the store decides. Such denials have the source {@link Decision.Source#LOCAL_LIMIT}
 * and name the local limits.
 */
public final class LocalLimit extends ForwardingBackend {

    /** A resolver may make a policy per key, so the cache of local policies has a bound. */
    static final int MAX_POLICIES = 1_000;

    private final MemoryBackend counters;
    private final LoadingCache<Policy, Policy> local = Caffeine.newBuilder()
            .maximumSize(MAX_POLICIES)
            .executor(Runnable::run)
            .build(policy -> Policy.of(policy.name(), policy.localLimits()).withGeneration(policy.generation()));
    private final LongAdder denials = new LongAdder();

    /**
     * Creates local limits.
     *
     * @param backend receives the requests within the local limits
     * @param clock   the time of the local limits
     */
    public LocalLimit(RateLimitBackend backend, MicroClock clock) {
        super(backend);
        this.counters = new MemoryBackend(clock, MemoryBackend.defaultMaxKeys());
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        Decision denial = denial(policy, key, permits);
        return denial == null ? delegate().acquire(policy, key, permits) : CompletableFuture.completedFuture(denial);
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        Decision denial = denial(policy, key, permits);
        return denial == null ? delegate().acquireBlocking(policy, key, permits) : denial;
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return policy.localLimits().isEmpty()
                ? delegate().acquireBatch(policy, key, permits)
                : acquireOneByOne(policy, key, permits);
    }

    private @Nullable Decision denial(Policy policy, String key, long permits) {
        if (!isLimited(policy, permits)) {
            return null;
        }
        Decision decision = counters.acquireBlocking(local.get(policy), key, 1);
        if (decision.allowed()) {
            return null;
        }
        denials.increment();
        return denial(decision);
    }

    private static boolean isLimited(Policy policy, long permits) {
        return !policy.localLimits().isEmpty() && permits > 0;
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        List<PermitRequest> limited = new ArrayList<>();
        for (PermitRequest request : requests) {
            if (isLimited(request.policy(), request.permits())) {
                limited.add(new PermitRequest(local.get(request.policy()), request.key(), 1));
            }
        }
        List<Decision> made =
                limited.isEmpty() ? List.of() : counters.acquireAll(limited).join();
        if (made.stream().allMatch(Decision::allowed)) {
            return delegate().acquireAll(requests);
        }
        denials.increment();
        int next = 0;
        List<Decision> decisions = new ArrayList<>(requests.size());
        for (PermitRequest request : requests) {
            Decision decision = isLimited(request.policy(), request.permits()) ? made.get(next++) : null;
            decisions.add(
                    decision == null || decision.allowed()
                            ? new Decision.Skipped(Decision.Source.LOCAL_LIMIT)
                            : denial(decision));
        }
        return CompletableFuture.completedFuture(decisions);
    }

    private static Decision denial(Decision decision) {
        return new Decision.Denied(
                0,
                decision.retryAfterMicros(),
                decision.resetAfterMicros(),
                decision.deniedBy(),
                Decision.Source.LOCAL_LIMIT);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        counters.reset(policy, key);
        return delegate().reset(policy, key);
    }

    /** Returns the number of cached policies. */
    long policies() {
        local.cleanUp();
        return local.estimatedSize();
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        stats.addLocalLimitDenials(denials.sum());
        super.collectStats(stats);
    }
}
