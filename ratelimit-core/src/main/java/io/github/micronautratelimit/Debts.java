package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * What was granted in this process and is still to be charged to the store. Remembered as the policy's own states, so
 * what comes back with time comes back here too, and no key owes more than its capacity. About 10 000 keys at most, of
 * at most 1024 characters; what is granted to others meanwhile is not charged.
 */
final class Debts {

    static final int MAX_KEYS = 10_000;
    static final int MAX_KEY_LENGTH = 1024;
    /** The calls under way at once: a store that has just come back is not flooded. */
    private static final int IN_FLIGHT = 64;

    private record Account(String policy, String key) {
    }

    private record Debt(Policy policy, LimitState state) {
    }

    private final Map<Account, Debt> debts = new ConcurrentHashMap<>();
    private final LongAdder charged = new LongAdder();
    private final MicroClock clock;

    Debts(MicroClock clock) {
        this.clock = clock;
    }

    void owe(Policy policy, String key, long permits) {
        Account account = new Account(policy.name(), key);
        if (key.length() > MAX_KEY_LENGTH || debts.size() >= MAX_KEYS && !debts.containsKey(account)) {
            return;
        }
        long now = clock.micros();
        debts.compute(account, (same, debt) -> {
            LimitState state = policy.stateAt(debt == null ? null : debt.state, now);
            long fits = Math.min(permits, state.remaining());
            return new Debt(policy, fits > 0 ? state.charge(fits) : state);
        });
    }

    void giveBack(Policy policy, String key, long permits) {
        long now = clock.micros();
        debts.computeIfPresent(new Account(policy.name(), key),
                (same, debt) -> new Debt(policy, policy.stateAt(debt.state, now).refund(permits)));
    }

    void forget(Policy policy, String key) {
        debts.remove(new Account(policy.name(), key));
    }

    boolean isEmpty() {
        return debts.isEmpty();
    }

    /** The permits charged to the store so far. */
    long charged() {
        return charged.sum();
    }

    /** Forgets what has come back with time. */
    void tidy() {
        long now = clock.micros();
        debts.values().removeIf(debt -> debt.policy.stateAt(debt.state, now).isBlank(now));
    }

    /**
     * Charges the store, a few keys at a time, until nothing is owed, the time is up, or a call fails. What a call that
     * fails was to charge is owed on, unless the store may have charged it. A call that is late is left alone, neither
     * cancelled nor repeated, and its failure counts whenever it comes.
     *
     * @param owedOn is told of every failure after which something is owed, maybe long after this method has returned
     * @return whether no call failed or was late
     */
    boolean charge(RateLimitBackend store, long budgetNanos, long deadlineNanos, Consumer<Throwable> owedOn)
            throws InterruptedException {
        long end = System.nanoTime() + budgetNanos;
        while (!debts.isEmpty() && System.nanoTime() - end < 0) {
            List<CompletableFuture<Void>> calls = new ArrayList<>();
            Iterator<Account> accounts = debts.keySet().iterator();
            while (calls.size() < IN_FLIGHT && accounts.hasNext()) {
                Account account = accounts.next();
                Debt debt = debts.remove(account);
                if (debt != null) {
                    calls.add(charge(store, account.key, debt, owedOn));
                }
            }
            try {
                CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new))
                        .get(deadlineNanos, TimeUnit.NANOSECONDS);
            } catch (ExecutionException | TimeoutException e) {
                return false;
            }
        }
        return true;
    }

    private CompletableFuture<Void> charge(RateLimitBackend store, String key, Debt debt, Consumer<Throwable> owedOn) {
        long now = clock.micros();
        long owed = spent(debt.policy.stateAt(debt.state, now));
        if (owed == 0) {
            return CompletableFuture.completedFuture(null);
        }
        // Others may have spent what this process granted too: then as much is charged as is left.
        return ask(store, debt.policy, key, owed)
                .thenCompose(decision -> decision.allowed() || decision.remaining() == 0
                        ? CompletableFuture.completedFuture(decision)
                        : ask(store, debt.policy, key, Math.min(owed, decision.remaining())))
                .handle((decision, failure) -> {
                    Throwable reason = failure == null ? null : Listeners.unwrapped(failure);
                    if (reason == null || reason instanceof RateLimitDefectException) {
                        return null;
                    }
                    if (Guard.isUncharged(reason)) {
                        owe(debt.policy, key, owed);
                        owedOn.accept(reason);
                    }
                    throw new CompletionException(reason);
                });
    }

    private CompletableFuture<Decision> ask(RateLimitBackend store, Policy policy, String key, long permits) {
        return RateLimiter.called(() -> store.acquire(policy, key, permits)).toCompletableFuture()
                .thenApply(decision -> {
                    if (decision.allowed()) {
                        charged.add(permits);
                    }
                    return decision;
                });
    }

    /** The permits that are not back yet, of several limits the most, but no more than one request can ask for. */
    private static long spent(LimitState state) {
        long spent = 0;
        long capacity = Long.MAX_VALUE;
        for (SingleState part : state.parts()) {
            capacity = Math.min(capacity, part.limit().capacity());
            spent = Math.max(spent, part.limit().capacity() - part.remaining());
        }
        return Math.min(spent, capacity);
    }
}
