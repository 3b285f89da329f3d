package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

import org.jspecify.annotations.Nullable;

/**
 * Stands between the application and a store: of a key that is asked for often, permits are taken ahead, up to the policy's
 * {@link Policy#maxLease()}, and granted in memory. Such decisions say {@link Decision.Source#LEASE}.
 *
 * <p>Nothing is granted that the store has not charged. A key's first request asks the store; from then on as many permits
 * are held as were granted in the last half second or in this one, and never taken is more than half of what the store had
 * left. They are taken while half of the last ones are still there, so that nobody waits for that. Whoever finds too few
 * held, because he asks for many or the key is busier than expected, asks the store for the rest himself, at once; so does
 * whoever comes when little is left. A failure takes nothing ahead, and what on-error grants is never held.
 *
 * <p>What was not used within about a second is given back, and all of it when this is closed. Until then it is spent for
 * everybody else. Permits of a fixed window are not granted after its end. At most 10 000 keys, of at most 1024 characters,
 * are held of; what is held of those pushed out is given back.
 */
public final class PermitLeases implements RateLimitBackend, InFront {

    private static final int MAX_KEY_LENGTH = 1024;

    private final Guard guard;
    private final MicroClock clock;
    private final PermitLeaseTable leases;

    /**
     * Leases before a store.
     *
     * @param guard around the store; closed with this
     * @param clock tells how much time has passed; must not go back
     */
    public PermitLeases(Guard guard, MicroClock clock) {
        this.guard = guard;
        this.clock = clock;
        this.leases = new PermitLeaseTable(guard, clock);
    }

    /**
     * The permits that are taken ahead now: spent for everybody else, and not granted yet.
     *
     * @return 0 or more, at most {@link Policy#maxLease()} for each key; a moment's picture
     */
    public long heldPermits() {
        return leases.held();
    }

    /**
     * The permits that were taken ahead.
     *
     * @return a count since the start
     */
    public long leasedPermits() {
        return leases.leased.sum();
    }

    /**
     * The permits that were granted out of those taken ahead, without asking the store.
     *
     * @return a count since the start
     */
    public long grantedPermits() {
        return leases.granted.sum();
    }

    /**
     * The permits that were taken ahead and given back.
     *
     * @return a count since the start
     */
    public long returnedPermits() {
        return leases.returned.sum();
    }

    /**
     * The permits that were taken ahead and neither granted nor given back: their window was over, the key was reset, or
     * giving back failed.
     *
     * @return a count since the start
     */
    public long lapsedPermits() {
        return leases.lapsed.sum();
    }

    LimiterStats.Leases stats() {
        return new LimiterStats.Leases(heldPermits(), leasedPermits(), grantedPermits(), returnedPermits(),
                lapsedPermits());
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        if (!isLeased(policy, key, permits)) {
            return guard.acquire(policy, key, permits);
        }
        long now = clock.micros();
        PermitLease lease = leases.of(policy, key, now);
        long taken = lease.take(permits, now);
        return taken == permits ? CompletableFuture.completedFuture(granted(lease, permits, now))
                : theRest(lease, permits, taken, now);
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        if (!isLeased(policy, key, permits)) {
            return guard.acquireBlocking(policy, key, permits);
        }
        long now = clock.micros();
        PermitLease lease = leases.of(policy, key, now);
        long taken = lease.take(permits, now);
        return taken == permits ? granted(lease, permits, now)
                : RateLimiter.await(theRest(lease, permits, taken, now));
    }

    private Decision granted(PermitLease lease, long permits, long now) {
        leases.granted.add(permits);
        Decision decision = lease.standing(now);
        leases.refill(lease, now);
        return decision;
    }

    private CompletionStage<Decision> theRest(PermitLease lease, long permits, long taken, long now) {
        return guard.acquire(lease.policy(), lease.key(), permits - taken).handle((made, failure) -> {
            if (failure != null) {
                leases.giveBack(lease, lease.add(taken, now));
                throw new CompletionException(Listeners.unwrapped(failure));
            }
            return settled(lease, permits, taken, made, made.allowed(), now);
        });
    }

    /** The decision on a request of which the store has decided a part, or nothing. */
    private Decision settled(PermitLease lease, long permits, long taken, @Nullable Decision made, boolean allowed, long askedAt) {
        if (made != null && made.source() == Decision.Source.STORE) {
            lease.learns(made, askedAt);
        }
        if (!allowed) {
            leases.giveBack(lease, lease.add(taken, askedAt));
            return made instanceof Decision.Denied denied ? new Decision.Denied(denied.remaining() + taken,
                    denied.retryAfterMicros(), denied.resetAfterMicros(), denied.deniedBy(), denied.source())
                    : made != null ? made : lease.standing(askedAt);
        }
        if (made == null) {
            return granted(lease, permits, askedAt);
        }
        leases.granted.add(taken);
        if (made.source() == Decision.Source.STORE) {
            // Asked before this request counts: a key that comes once leaves nothing behind.
            leases.refill(lease, clock.micros());
            lease.usedWithout(permits - taken);
        }
        return made;
    }

    /** What is held is taken first; if the store then denies the rest, it is held again. */
    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        long now = clock.micros();
        List<@Nullable PermitLease> leasesOf = new ArrayList<>(asks.size());
        List<Long> taken = new ArrayList<>(asks.size());
        List<Ask> rest = new ArrayList<>(asks.size());
        for (Ask ask : asks) {
            PermitLease lease = isLeased(ask.policy(), ask.key(), ask.permits()) ? leases.of(ask.policy(), ask.key(), now) : null;
            long held = lease == null ? 0 : lease.take(ask.permits(), now);
            leasesOf.add(lease);
            taken.add(held);
            if (lease == null || held < ask.permits()) {
                rest.add(held == 0 ? ask : new Ask(ask.policy(), ask.key(), ask.permits() - held));
            }
        }
        CompletionStage<List<Decision>> decided =
                rest.isEmpty() ? CompletableFuture.completedFuture(List.of()) : guard.acquireAll(rest);
        return decided.handle((made, failure) -> {
            List<Decision> decisions = settled(asks, leasesOf, taken, failure == null ? made : List.of(),
                    failure == null && made.stream().allMatch(Decision::allowed), now);
            if (failure != null) {
                throw new CompletionException(Listeners.unwrapped(failure));
            }
            return decisions;
        });
    }

    /** Each ask's decision in turn; where the store stopped asking, the list ends. */
    private List<Decision> settled(List<Ask> asks, List<@Nullable PermitLease> leasesOf, List<Long> taken, List<Decision> made,
                                   boolean allowed, long askedAt) {
        Iterator<Decision> rest = made.iterator();
        List<Decision> decisions = new ArrayList<>(asks.size());
        for (int i = 0; i < asks.size(); i++) {
            long permits = asks.get(i).permits();
            PermitLease lease = leasesOf.get(i);
            boolean isHeld = lease != null && taken.get(i) == permits;
            Decision decision = isHeld || !rest.hasNext() ? null : rest.next();
            Decision settled = lease == null ? decision
                    : settled(lease, permits, taken.get(i), decision, allowed, askedAt);
            if (settled != null && (isHeld || decision != null)) {
                decisions.add(settled);
            }
        }
        return decisions;
    }

    /** Gives back what was not used. */
    void sweep() {
        leases.sweep();
    }

    private boolean isLeased(Policy policy, String key, long permits) {
        return policy.maxLease() > 0 && permits > 0 && key.length() <= MAX_KEY_LENGTH && !leases.isDrained();
    }

    /** With what is held beside what the store has left. */
    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        PermitLease lease = leases.find(policy, key);
        long held = lease == null || permits > policy.capacity() ? 0 : lease.held(clock.micros());
        CompletionStage<Decision> seen = guard.peek(policy, key, Math.max(0, permits - held));
        return held == 0 ? seen : seen.thenApply(decision -> {
            long remaining = Math.min(policy.capacity(), decision.remaining() + held);
            return decision.allowed() ? new Decision.Allowed(remaining, decision.resetAfterMicros(), decision.source())
                    : new Decision.Denied(remaining, decision.retryAfterMicros(), decision.resetAfterMicros(),
                            decision.deniedBy(), decision.source());
        });
    }

    /** If more is given back than was granted here lately, what is held goes first: the store would forget it too. */
    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        PermitLease lease = leases.find(policy, key);
        if (lease == null || lease.takesBack(permits)) {
            return guard.refund(policy, key, permits);
        }
        return leases.remove(lease).thenCompose(done -> guard.refund(policy, key, permits));
    }

    /** What is held here is given back then; what other instances hold they may still grant. */
    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return guard.block(policy, key, micros).whenComplete((done, failure) -> {
            PermitLease lease = leases.find(policy, key);
            if (lease != null) {
                leases.remove(lease);
            }
        });
    }

    /** What is held then is forgotten: the store does not know any more that it was charged. */
    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return guard.reset(policy, key).whenComplete((done, failure) -> {
            PermitLease lease = leases.find(policy, key);
            if (lease != null) {
                lease.forget();
                leases.remove(lease);
            }
        });
    }

    @Override
    public RateLimitBackend of() {
        return guard;
    }

    @Override
    public void close() {
        drain();
        guard.close();
    }

    /**
     * Takes nothing ahead any more and gives back what is held; waits for that for at most two seconds. Decisions go on,
     * each of them the store's. For an application that is about to stop, while its store can still be asked.
     */
    public void drain() {
        leases.drain();
    }
}
