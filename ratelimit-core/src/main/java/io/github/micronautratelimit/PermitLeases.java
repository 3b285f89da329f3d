package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;

/**
 * Stands between the application and a store: of a key that is asked for often, permits are taken ahead, up to the policy's
 * {@link Policy#maxLease()}, and granted in memory. Such decisions say {@link Decision.Source#LEASE}.
 *
 * <p>Nothing is granted that the store has not charged. A key's first request asks the store; from then on as many permits
 * are held as were granted in the last half second or in this one, and never taken is more than half of what the store had
 * left. They are taken while half of the last ones are still there, so that nobody waits for that. Whoever finds too few held, because
 * he asks for many or the key is busier than expected, asks the store himself, as without leases; so does whoever comes
 * when little is left. A failure takes nothing ahead, and what on-error grants is never held.
 *
 * <p>What was not used within about a second is given back, and all of it when this is closed. Until then it is spent for
 * everybody else. Permits of a fixed window are not granted after its end. At most 10 000 keys, of at most 1024 characters,
 * are held of; what is held of those pushed out is given back.
 */
public final class PermitLeases implements RateLimitBackend, InFront {

    static final int MAX_KEYS = 10_000;
    private static final int MAX_KEY_LENGTH = 1024;
    private static final Duration SWEEP = Duration.ofMillis(250);
    /** What closing may take, and how many calls are under way meanwhile. */
    private static final Duration FAREWELL = Duration.ofSeconds(2);
    private static final int IN_FLIGHT = 64;

    private final Guard guard;
    private final MicroClock clock;
    private final Cache<Name, Lease> leases = Caffeine.newBuilder().maximumSize(MAX_KEYS).executor(Runnable::run)
            .removalListener(this::removed).build();
    private final AtomicBoolean sweeping = new AtomicBoolean();
    private volatile boolean closed;

    private final LongAdder leased = new LongAdder();
    private final LongAdder granted = new LongAdder();
    private final LongAdder returned = new LongAdder();
    private final LongAdder lapsed = new LongAdder();

    private record Name(String policy, String key) {
    }

    /**
     * Leases before a store.
     *
     * @param guard around the store; closed with this
     * @param clock tells how much time has passed; must not go back
     */
    public PermitLeases(Guard guard, MicroClock clock) {
        this.guard = guard;
        this.clock = clock;
    }

    private void removed(@Nullable Name name, @Nullable Lease lease, RemovalCause cause) {
        if (cause.wasEvicted() && lease != null) {
            end(lease);
        }
    }

    /**
     * The permits that are taken ahead now: spent for everybody else, and not granted yet.
     *
     * @return 0 or more, at most {@link Policy#maxLease()} for each key; a moment's picture
     */
    public long heldPermits() {
        return Math.max(0, leased.sum() - granted.sum() - returned.sum() - lapsed.sum());
    }

    /**
     * The permits that were taken ahead.
     *
     * @return a count since the start
     */
    public long leasedPermits() {
        return leased.sum();
    }

    /**
     * The permits that were granted out of those taken ahead, without asking the store.
     *
     * @return a count since the start
     */
    public long grantedPermits() {
        return granted.sum();
    }

    /**
     * The permits that were taken ahead and given back.
     *
     * @return a count since the start
     */
    public long returnedPermits() {
        return returned.sum();
    }

    /**
     * The permits that were taken ahead and neither granted nor given back: their window was over, the key was reset, or
     * giving back failed.
     *
     * @return a count since the start
     */
    public long lapsedPermits() {
        return lapsed.sum();
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        if (!isLeased(policy, key, permits)) {
            return guard.acquire(policy, key, permits);
        }
        long now = clock.micros();
        Lease lease = leaseOf(policy, key, now);
        Decision decision = taken(lease, permits, now);
        return decision != null ? CompletableFuture.completedFuture(decision)
                : guard.acquire(policy, key, permits).thenApply(made -> {
                    learn(lease, permits, made, now);
                    return made;
                });
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        if (isLeased(policy, key, permits)) {
            long now = clock.micros();
            Decision decision = taken(leaseOf(policy, key, now), permits, now);
            if (decision != null) {
                return decision;
            }
        }
        return RateLimiter.await(acquire(policy, key, permits));
    }

    private @Nullable Decision taken(Lease lease, long permits, long now) {
        Decision decision = lease.take(permits, now);
        if (decision != null) {
            granted.add(permits);
            refill(lease, now);
        }
        return decision;
    }

    /** What is held is taken first; if the store then denies the rest, it is held again. */
    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        long now = clock.micros();
        List<@Nullable Lease> from = new ArrayList<>(asks.size());
        List<@Nullable Decision> taken = new ArrayList<>(asks.size());
        List<Ask> others = new ArrayList<>(asks.size());
        for (Ask ask : asks) {
            Lease lease = isLeased(ask.policy(), ask.key(), ask.permits()) ? leaseOf(ask.policy(), ask.key(), now) : null;
            Decision decision = lease == null ? null : lease.take(ask.permits(), now);
            from.add(lease);
            taken.add(decision);
            if (decision == null) {
                others.add(ask);
            }
        }
        CompletionStage<List<Decision>> rest =
                others.isEmpty() ? CompletableFuture.completedFuture(List.of()) : guard.acquireAll(others);
        return rest.handle((made, failure) -> {
            boolean allowed = failure == null && made.stream().allMatch(Decision::allowed);
            List<Decision> decisions = settled(asks, from, taken, failure == null ? made : List.of(), allowed, now);
            if (failure != null) {
                throw new CompletionException(Listeners.unwrapped(failure));
            }
            return decisions;
        });
    }

    /** Each ask's decision in turn, up to where the store stopped asking. */
    private List<Decision> settled(List<Ask> asks, List<@Nullable Lease> from, List<@Nullable Decision> taken,
                                   List<Decision> made, boolean allowed, long askedAt) {
        Iterator<Decision> rest = made.iterator();
        List<Decision> decisions = new ArrayList<>(asks.size());
        for (int i = 0; i < asks.size(); i++) {
            long permits = asks.get(i).permits();
            Lease lease = from.get(i);
            Decision decision = taken.get(i);
            if (lease != null && decision != null) {
                if (allowed) {
                    granted.add(permits);
                    refill(lease, clock.micros());
                } else {
                    giveBack(lease, lease.add(permits, askedAt));
                    decision = lease.standing(lease.held(askedAt), askedAt);
                }
                decisions.add(decision);
            } else if (rest.hasNext()) {
                decision = rest.next();
                decisions.add(decision);
                if (lease != null) {
                    learn(lease, allowed ? permits : 0, decision, askedAt);
                }
            }
        }
        return decisions;
    }

    private boolean isLeased(Policy policy, String key, long permits) {
        return policy.maxLease() > 0 && permits > 0 && key.length() <= MAX_KEY_LENGTH && !closed;
    }

    private Lease leaseOf(Policy policy, String key, long now) {
        Name name = new Name(policy.name(), key);
        Lease found = leases.getIfPresent(name);
        while (found == null || !found.policy().equals(policy)) {
            if (found != null && leases.asMap().remove(name, found)) {
                end(found);
            }
            Lease fresh = new Lease(policy, key, now, lapsed);
            found = leases.asMap().putIfAbsent(name, fresh);
            if (found == null) {
                found = fresh;
                sweepLater();
            }
        }
        return found;
    }

    /** The store has answered a request itself. */
    private void learn(Lease lease, long permits, Decision decision, long askedAt) {
        if (decision.source() != Decision.Source.STORE) {
            return;
        }
        lease.learns(decision, askedAt);
        if (decision.allowed()) {
            // Asked before this request counts: a key that comes once leaves nothing behind.
            refill(lease, clock.micros());
            lease.usedWithout(permits);
        }
    }

    private void refill(Lease lease, long now) {
        long wanted = lease.toRefill(now);
        if (wanted > 0) {
            guard.takeAhead(lease.policy(), lease.key(), wanted).whenComplete((decision, failure) -> {
                long taken = failure == null && decision.allowed() ? wanted : 0;
                leased.add(taken);
                if (failure == null) {
                    lease.learns(decision, now);
                }
                giveBack(lease, lease.refilled(taken,
                        failure == null ? Lease.endOf(lease.policy(), decision, now) : now, clock.micros()));
                if (closed) {
                    end(lease);
                }
            });
        }
    }

    private CompletableFuture<Void> end(Lease lease) {
        return giveBack(lease, lease.end(clock.micros()));
    }

    /** Never fails. What may or may not have been given back is nobody's any more, and comes back with time. */
    private CompletableFuture<Void> giveBack(Lease lease, long permits) {
        if (permits == 0) {
            return CompletableFuture.completedFuture(null);
        }
        return guard.giveBack(lease.policy(), lease.key(), permits).toCompletableFuture().handle((done, failure) -> {
            (failure == null ? returned : lapsed).add(permits);
            return null;
        });
    }

    private void sweepLater() {
        if (!sweeping.compareAndSet(false, true)) {
            return;
        }
        CompletableFuture.delayedExecutor(SWEEP.toNanos(), TimeUnit.NANOSECONDS).execute(() -> {
            try {
                sweep();
            } finally {
                // Looked at after it is said: whoever makes a lease later sweeps himself.
                sweeping.set(false);
                if (!leases.asMap().isEmpty()) {
                    sweepLater();
                }
            }
        });
    }

    /**
     * Gives back what was not used. While the store is not asked that is held on to: it is charged, and may be granted.
     */
    void sweep() {
        long now = clock.micros();
        leases.asMap().forEach((name, lease) -> {
            if (guard.isAsking()) {
                giveBack(lease, lease.turn(now));
            } else {
                lease.lapse(now);
            }
            if (lease.isIdle() && leases.asMap().remove(name, lease)) {
                end(lease);
            }
        });
    }

    /** If allowed, with what is held beside what the store has left. */
    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        CompletionStage<Decision> seen = guard.peek(policy, key, permits);
        Lease lease = leases.getIfPresent(new Name(policy.name(), key));
        return lease == null ? seen : seen.thenApply(decision -> {
            long held = lease.held(clock.micros());
            return held > 0 && (decision.allowed() || held >= permits)
                    ? new Decision.Allowed(Math.min(policy.capacity(), decision.remaining() + held),
                            decision.resetAfterMicros(), decision.source())
                    : decision;
        });
    }

    /** If more is given back than was granted here lately, what is held goes first: the store would forget it too. */
    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        Name name = new Name(policy.name(), key);
        Lease lease = leases.getIfPresent(name);
        if (lease == null || lease.takesBack(permits) || !leases.asMap().remove(name, lease)) {
            return guard.refund(policy, key, permits);
        }
        return end(lease).thenCompose(done -> guard.refund(policy, key, permits));
    }

    /** What is held then is forgotten: the store does not know any more that it was charged. */
    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return guard.reset(policy, key).whenComplete((done, failure) -> {
            Lease lease = leases.asMap().remove(new Name(policy.name(), key));
            if (lease != null) {
                lease.forget();
            }
        });
    }

    @Override
    public RateLimitBackend of() {
        return guard;
    }

    /** Gives back what is held, for at most two seconds. */
    @Override
    public void close() {
        closed = true;
        long end = System.nanoTime() + FAREWELL.toNanos();
        List<CompletableFuture<?>> underWay = new ArrayList<>();
        try {
            for (Name name : leases.asMap().keySet()) {
                Lease lease = leases.asMap().remove(name);
                if (lease != null) {
                    underWay.add(end(lease));
                }
                if (underWay.size() == IN_FLIGHT) {
                    await(underWay, end);
                }
            }
            await(underWay, end);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            guard.close();
        }
    }

    private static void await(List<CompletableFuture<?>> calls, long end) throws InterruptedException {
        try {
            CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new))
                    .get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // They end by themselves, at their deadline.
        }
        calls.clear();
    }
}
