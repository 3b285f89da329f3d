package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.limit.LimitState;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.BiPredicate;
import java.util.function.Supplier;

/**
 * Permits that the fallback granted and that are still to be charged to the store.
 *
 * <p>Each key has two {@link LimitState}s of the share of this instance: with and without these permits, both with
 * everything that the instance had been granted before. Their difference is unsettled. Permits that come back with time
 * in the store therefore come back here too, on all instances together as fast as in the store. They come back here
 * only after those that were granted before, because the store has been refilling these at the same time.
 *
 * <p>No key is charged more than its capacity. At most about {@value #MAX_KEYS} keys of at most {@value
 * #MAX_KEY_LENGTH} characters are recorded; grants for further keys are never charged.
 */
final class UnsettledCharges {

    static final int MAX_KEYS = 10_000;
    static final int MAX_KEY_LENGTH = 1024;
    /** Calls at the same time, so that recovery does not flood the store. */
    private static final int IN_FLIGHT = 64;

    private record Account(String policy, String key) {}

    /** Both states are of the share; the policy is charged to the store. */
    private record Unsettled(Policy policy, Policy share, LimitState without, LimitState with) {

        Unsettled at(long now) {
            return new Unsettled(policy, share, stateOf(share, without, now), stateOf(share, with, now));
        }

        Unsettled charge(long permits) {
            long fits = Math.min(permits, with.remaining());
            return fits > 0 ? new Unsettled(policy, share, without, with.charge(fits)) : this;
        }

        Unsettled refund(long permits, long chargedAtMicros) {
            return new Unsettled(policy, share, without, with.refund(Math.min(permits, permits()), chargedAtMicros));
        }

        long permits() {
            return Math.min(policy.capacity(), with.spentBeyond(without));
        }
    }

    private final Map<Account, Unsettled> accounts = new ConcurrentHashMap<>();
    private final LongAdder charged = new LongAdder();
    private final LongAdder uncharged = new LongAdder();
    private final MicroClock clock;
    private final Scheduler scheduler;

    UnsettledCharges(MicroClock clock, Scheduler scheduler) {
        this.clock = clock;
        this.scheduler = scheduler;
    }

    private static LimitState stateOf(Policy share, LimitState state, long now) {
        return LimitState.carryOver(share.rateLimits(), state, now);
    }

    /**
     * Records permits of a fallback.
     *
     * @param before provides the state of the share without them, if these are the first of the key
     */
    void record(Policy policy, Policy share, String key, long permits, Supplier<LimitState> before) {
        Account account = new Account(policy.stateName(), key);
        if (key.length() > MAX_KEY_LENGTH || accounts.size() >= MAX_KEYS && !accounts.containsKey(account)) {
            addUncharged(permits);
            return;
        }
        long now = clock.micros();
        accounts.compute(account, (same, unsettled) -> {
            LimitState base = unsettled == null ? before.get() : unsettled.without;
            LimitState present = unsettled == null ? base : unsettled.with;
            return new Unsettled(policy, share, base, present).at(now).charge(permits);
        });
    }

    void refund(Policy policy, String key, long permits, long chargedAtMicros) {
        long now = clock.micros();
        accounts.computeIfPresent(
                new Account(policy.stateName(), key),
                (same, unsettled) -> unsettled.at(now).refund(permits, chargedAtMicros));
    }

    void remove(Policy policy, String key) {
        accounts.remove(new Account(policy.stateName(), key));
    }

    /** Returns the parts of the store that keep the unsettled keys. */
    Set<String> parts(BiFunction<Policy, String, String> partOf) {
        Set<String> parts = new HashSet<>();
        accounts.forEach((account, unsettled) -> parts.add(partOf.apply(unsettled.policy, account.key)));
        return parts;
    }

    /** Returns the permits charged to the store so far. */
    long charged() {
        return charged.sum();
    }

    /** Returns the permits granted so far that are never charged. */
    long uncharged() {
        return uncharged.sum();
    }

    /** Counts permits that were granted without the store and are never charged to it. */
    void addUncharged(long permits) {
        uncharged.add(permits);
    }

    /** Removes keys whose permits have all come back with time. */
    void removeRefilled() {
        long now = clock.micros();
        accounts.values().removeIf(unsettled -> unsettled.at(now).permits() == 0);
    }

    /**
     * Charges the store, a few keys at a time, until nothing is left, the budget is used up or a call fails. The
     * permits of a failed call stay unsettled, unless the store may have charged them. A late call is neither
     * cancelled nor repeated; its failure counts whenever it comes.
     *
     * @param charged        selects the keys that are charged now
     * @param stillUnsettled receives each failure that leaves permits unsettled, possibly long after this method
     *                       returned
     * @return whether no call failed or was late
     */
    boolean charge(
            RateLimitBackend store,
            BiPredicate<Policy, String> charged,
            long budgetNanos,
            long deadlineNanos,
            BiConsumer<PermitRequest, Throwable> stillUnsettled)
            throws InterruptedException {
        long end = scheduler.nanoTime() + budgetNanos;
        boolean more = true;
        while (more && scheduler.nanoTime() - end < 0) {
            List<CompletableFuture<Void>> calls = new ArrayList<>();
            Iterator<Map.Entry<Account, Unsettled>> next = accounts.entrySet().iterator();
            while (calls.size() < IN_FLIGHT && next.hasNext()) {
                Map.Entry<Account, Unsettled> entry = next.next();
                Account account = entry.getKey();
                Unsettled unsettled =
                        charged.test(entry.getValue().policy, account.key) ? accounts.remove(account) : null;
                if (unsettled != null) {
                    calls.add(charge(store, account.key, unsettled, stillUnsettled));
                }
            }
            more = !calls.isEmpty();
            try {
                scheduler.await(CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new)), deadlineNanos);
            } catch (ExecutionException | TimeoutException e) {
                return false;
            }
        }
        return true;
    }

    private CompletableFuture<Void> charge(
            RateLimitBackend store,
            String key,
            Unsettled unsettled,
            BiConsumer<PermitRequest, Throwable> stillUnsettled) {
        long spent = unsettled.at(clock.micros()).permits();
        if (spent == 0) {
            return CompletableFuture.completedFuture(null);
        }
        // Other instances may have spent the same permits: the second call charges as many as the store has left.
        return acquire(store, unsettled.policy, key, spent)
                .thenCompose(decision -> decision.allowed() || decision.remaining() == 0
                        ? CompletableFuture.completedFuture(decision.allowed() ? spent : 0L)
                        : chargeWhatIsLeft(store, key, unsettled.policy, Math.min(spent, decision.remaining())))
                .handle((done, failure) -> {
                    Throwable reason = failure == null ? null : Futures.unwrap(failure);
                    if (reason == null || reason instanceof NonRetryableStoreException) {
                        addUncharged(spent - (reason == null ? done : 0));
                        return null;
                    }
                    if (isUncharged(reason)) {
                        restore(unsettled, key);
                        stillUnsettled.accept(new PermitRequest(unsettled.policy, key, spent), reason);
                    } else {
                        addUncharged(spent);
                    }
                    throw new CompletionException(reason);
                });
    }

    private CompletableFuture<Long> chargeWhatIsLeft(RateLimitBackend store, String key, Policy policy, long left) {
        return acquire(store, policy, key, left).thenApply(decision -> decision.allowed() ? left : 0L);
    }

    /**
     * Keeps permits that the store has not charged, beside those that were recorded in the meantime. Keeps their states
     * and not their number: whole permits would lose a fraction with each call that the store rejects.
     */
    private void restore(Unsettled unsettled, String key) {
        long now = clock.micros();
        accounts.merge(new Account(unsettled.policy.stateName(), key), unsettled, (newer, older) -> new Unsettled(
                        newer.policy, newer.share, older.without, older.with)
                .at(now)
                .charge(newer.at(now).permits()));
    }

    private CompletableFuture<Decision> acquire(RateLimitBackend store, Policy policy, String key, long permits) {
        return Futures.call(() -> store.acquire(policy, key, permits))
                .toCompletableFuture()
                .thenApply(decision -> {
                    if (decision.allowed()) {
                        charged.add(permits);
                    }
                    return decision;
                });
    }

    /** Returns whether the store surely has not executed a call; a late or unanswered call may have been executed. */
    static boolean isUncharged(Throwable failure) {
        return !(failure instanceof TimeoutException || failure instanceof CancellationException);
    }
}
