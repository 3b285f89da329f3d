package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.LimitSet;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Decides on slots by the {@link OnError} of each policy. {@link OnError#OPEN} allows without a slot.
 * {@link OnError#LOCAL} counts in this process, up to the slots divided by the number of instances, at least one.
 */
final class LocalConcurrencyFallback implements ConcurrencyBackend {

    private final ConcurrencyBackend local;
    private final int instances;

    LocalConcurrencyFallback(ConcurrencyBackend local, int instances) {
        this.local = local;
        this.instances = instances;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        return policy.onError() != OnError.LOCAL
                ? CompletableFuture.completedFuture(UncountedDecision.of(policy))
                : local.acquire(share(policy), key, holder).thenApply(LocalConcurrencyFallback::fallback);
    }

    /** A holder keeps its slot, even if there are more holders than the share of this instance. */
    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return policy.onError() != OnError.LOCAL
                ? CompletableFuture.completedFuture(true)
                : hold(policy, key, holder).thenApply(Decision::allowed);
    }

    private CompletionStage<Decision> hold(Policy policy, String key, UUID holder) {
        return local.acquire(withSlots(policy, ConcurrencyLimit.MAX_SLOTS), key, holder);
    }

    /** Counts a holder of a slot in the store, or no longer counts it. */
    void count(Policy policy, String key, UUID holder, boolean held) {
        if (policy.onError() == OnError.LOCAL) {
            if (held) {
                hold(policy, key, holder);
            } else {
                local.release(policy, key, holder);
            }
        }
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        return local.release(policy, key, holder);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        return policy.onError() != OnError.LOCAL
                ? CompletableFuture.completedFuture(UncountedDecision.of(policy))
                : local.peek(share(policy), key).thenApply(LocalConcurrencyFallback::fallback);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return local.reset(policy, key);
    }

    private Policy share(Policy policy) {
        return withSlots(policy, Math.max(1, policy.capacity() / instances));
    }

    private static Policy withSlots(Policy policy, long slots) {
        ConcurrencyLimit limit = policy.requireConcurrency();
        return limit.slots() == slots
                ? policy
                : policy.withLimits(new LimitSet(List.of(), new ConcurrencyLimit(slots, limit.leaseMicros())));
    }

    private static Decision fallback(Decision decision) {
        return decision.allowed()
                ? new Decision.Allowed(
                        decision.remaining(),
                        decision.resetAfterMicros(),
                        Decision.Source.FALLBACK,
                        decision.nextPermitMicros(),
                        Decision.Allowed.UNKNOWN_TIME)
                : new Decision.Denied(
                        decision.remaining(),
                        decision.retryAfterMicros(),
                        decision.resetAfterMicros(),
                        decision.deniedBy(),
                        Decision.Source.FALLBACK);
    }
}
