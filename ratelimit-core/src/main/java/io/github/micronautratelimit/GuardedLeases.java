package io.github.micronautratelimit;

import java.util.UUID;
import java.util.concurrent.CompletionStage;

/**
 * The places of a guarded store. While the store cannot be asked, {@link OnError} answers whoever wants a place; whoever
 * has one keeps it, for nobody can say that it is lost. With {@link OnError#LOCAL} those who keep a place count here until
 * the store has heard of them again.
 */
final class GuardedLeases implements LeaseBackend {

    private final Guard guard;
    private final LeaseBackend store;
    private final LeaseBackend local;

    GuardedLeases(Guard guard, LeaseBackend store, LeaseBackend local) {
        this.guard = guard;
        this.store = store;
        this.local = local;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        return guard.guarded(policy, key,
                () -> known(store.acquire(policy, key, holder), policy, key, holder),
                failure -> local.acquire(policy, key, holder).toCompletableFuture().join());
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return guard.guarded(policy, key,
                () -> known(store.renew(policy, key, holder), policy, key, holder),
                failure -> local.renew(policy, key, holder).toCompletableFuture().join());
    }

    /** What the store knows of is not counted here. */
    private <T> CompletionStage<T> known(CompletionStage<T> answer, Policy policy, String key, UUID holder) {
        answer.whenComplete((decision, failure) -> {
            if (failure == null) {
                local.release(policy, key, holder);
            }
        });
        return answer;
    }

    /** Fails if the store fails; what is counted here is given back in any case. */
    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        local.release(policy, key, holder);
        return guard.guarded(policy, key, () -> store.release(policy, key, holder), failure -> {
            throw Guard.asException(failure);
        });
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        return guard.guarded(policy, key, () -> store.peek(policy, key),
                failure -> local.peek(policy, key).toCompletableFuture().join());
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        local.reset(policy, key);
        return guard.guarded(policy, key, () -> store.reset(policy, key), failure -> {
            throw Guard.asException(failure);
        });
    }
}
