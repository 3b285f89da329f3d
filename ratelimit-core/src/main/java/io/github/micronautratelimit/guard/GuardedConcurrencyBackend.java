package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.internal.Scheduler;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The slots of a guarded store. While the store is unavailable, {@link OnError} decides on requests for slots, and
 * holders keep their slots, because no other holder can have taken them.
 *
 * <p>With {@link OnError#LOCAL}, every holder of this instance counts locally for as long as it holds its slot, also
 * while the store decides. So an instance that holds all slots grants no further ones when an outage begins.
 *
 * <p>A release that the store has not confirmed is sent again until the store confirms it; see {@link UnreleasedSlots}.
 */
final class GuardedConcurrencyBackend implements ConcurrencyBackend {

    private final CallGuard calls;
    private final ConcurrencyBackend store;
    private final LocalConcurrencyFallback local;
    private final UnreleasedSlots unreleased;

    GuardedConcurrencyBackend(
            String name,
            CallGuard calls,
            Scheduler scheduler,
            ConcurrencyBackend store,
            LocalConcurrencyFallback local) {
        this.calls = calls;
        this.store = store;
        this.local = local;
        this.unreleased = new UnreleasedSlots(name, scheduler, this::releaseAgain);
    }

    private CompletionStage<?> releaseAgain(UnreleasedSlots.Slot slot) {
        return calls.execute(
                slot.policy(),
                slot.key(),
                () -> store.release(slot.policy(), slot.key(), slot.holder()),
                answer -> {},
                CallGuard::fail);
    }

    /** Ends the retries of releases. */
    void close() {
        unreleased.close();
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        AtomicBoolean denied = new AtomicBoolean();
        return calls.decide(
                        policy,
                        key,
                        () -> {
                            CompletionStage<Decision> answer = store.acquire(policy, key, holder);
                            answer.thenAccept(decision -> {
                                if (denied.get() && decision.allowed()) {
                                    // The store granted the slot after the fallback had denied it.
                                    release(policy, key, holder);
                                }
                            });
                            return answer;
                        },
                        failure -> {
                            Decision decision = join(local.acquire(policy, key, holder));
                            denied.set(!decision.allowed());
                            if (!decision.allowed() && !UnsettledCharges.isUncharged(failure)) {
                                // The store may still grant the slot, although its answer is no longer awaited.
                                release(policy, key, holder);
                            }
                            return decision;
                        })
                .thenApply(decision -> {
                    if (decision.source() != Decision.Source.FALLBACK) {
                        local.count(policy, key, holder, decision.allowed());
                    }
                    return decision;
                });
    }

    /** Waits for the store even if the policy has a deadline of zero, because a lost slot could not be detected. */
    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return calls.executeReported(
                        policy,
                        key,
                        () -> store.renew(policy, key, holder),
                        failure -> join(local.renew(policy, key, holder)))
                .thenApply(renewed -> {
                    local.count(policy, key, holder, renewed);
                    return renewed;
                });
    }

    /** Slots in memory are always decided at once. */
    private static <T> T join(CompletionStage<T> decided) {
        return decided.toCompletableFuture().join();
    }

    /** Fails if the store fails, and is then repeated. The local slot is released in any case. */
    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        local.release(policy, key, holder);
        return calls.executeReported(policy, key, () -> store.release(policy, key, holder), failure -> {
            unreleased.add(new UnreleasedSlots.Slot(policy, key, holder));
            return CallGuard.fail(failure);
        });
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        return calls.decide(policy, key, () -> store.peek(policy, key), failure -> join(local.peek(policy, key)));
    }

    /** Fails if the store fails. The local slots of the key are free in any case. */
    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        local.reset(policy, key);
        return calls.executeReported(policy, key, () -> store.reset(policy, key), CallGuard::fail);
    }
}
