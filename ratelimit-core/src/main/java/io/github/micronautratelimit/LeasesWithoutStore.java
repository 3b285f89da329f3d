package io.github.micronautratelimit;

import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Decides on places by the policies' {@link OnError} alone. {@link OnError#OPEN} grants what holds nothing;
 * {@link OnError#LOCAL} counts in this process, up to the places divided by the number of instances, at least one.
 */
final class LeasesWithoutStore implements LeaseBackend {

    /** Whoever has a place keeps it, however many they are. */
    private static final long ANY_NUMBER = ConcurrencyLimit.MAX_HOLDERS;

    private final LeaseBackend local;
    private final int instances;

    LeasesWithoutStore(LeaseBackend local, int instances) {
        this.local = local;
        this.instances = instances;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        return policy.onError() != OnError.LOCAL
                ? CompletableFuture.completedFuture(Fallback.withoutCounting(policy))
                : local.acquire(part(policy), key, holder).thenApply(LeasesWithoutStore::fallback);
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return policy.onError() != OnError.LOCAL
                ? CompletableFuture.completedFuture(true)
                : local.acquire(with(policy, ANY_NUMBER), key, holder).thenApply(Decision::allowed);
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        return local.release(policy, key, holder);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        return policy.onError() != OnError.LOCAL
                ? CompletableFuture.completedFuture(Fallback.withoutCounting(policy))
                : local.peek(part(policy), key).thenApply(LeasesWithoutStore::fallback);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return local.reset(policy, key);
    }

    private Policy part(Policy policy) {
        return with(policy, Math.max(1, policy.capacity() / instances));
    }

    private static Policy with(Policy policy, long holders) {
        ConcurrencyLimit limit = policy.concurrency();
        return limit == null || limit.holders() == holders ? policy : policy.withLimits(
                new Limits(List.of(), new ConcurrencyLimit(holders, limit.leaseMicros())));
    }

    private static Decision fallback(Decision decision) {
        return decision.allowed()
                ? new Decision.Allowed(decision.remaining(), decision.resetAfterMicros(), Decision.Source.FALLBACK)
                : new Decision.Denied(decision.remaining(), decision.retryAfterMicros(), decision.resetAfterMicros(),
                        decision.deniedBy(), Decision.Source.FALLBACK);
    }
}
