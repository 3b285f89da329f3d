package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * The prefetched permits of one key: charged by the store, and neither granted nor refunded yet.
 *
 * <p><em>Accounting.</em> The permits are one number that changes by compare-and-set. Each permit is therefore granted,
 * refunded or expired exactly once. The number grows by refills, one at a time, and by permits that a request took and
 * did not use. Methods that reduce it return the permits to refund; the caller refunds them to the store.
 *
 * <p><em>Demand.</em> {@link Demand} measures how many permits are used per period of {@value #PERIOD_MICROS} µs. A
 * refill prefetches as many as were used in the last period or in the present one. Permits beyond the use of a period
 * are refunded at its end. A key below the {@link PrefetchThreshold} of its policy prefetches nothing.
 *
 * <p><em>Windows.</em> Permits of a fixed window are not granted after its end. They are not refunded in its last
 * second either, because the refund could arrive in the next window, which did not charge them.
 *
 * <p><em>End.</em> Closed permits accept no more: permits that arrive later, from a refill or a request, are refunded
 * at once. After a reset they expire instead, because the store no longer knows their charge.
 */
final class PrefetchedPermits {

    static final long PERIOD_MICROS = 500_000;
    private static final long LAST_MOMENTS_MICROS = 1_000_000;
    private static final long CLOSED = -1;
    /** A smaller refill hardly pays for its call. It would be smaller if the store has few permits left. */
    private static final long MIN_REFILL = 3;
    /** Saved calls that a key may lose again before its prefetching is said not to pay. */
    private static final long MAX_CREDIT = 8;

    private final Policy policy;
    private final String key;
    private final PrefetchThreshold threshold;
    private final LongAdder expired;
    private final AtomicLong held = new AtomicLong();
    /** Taken by requests that are not decided yet, and may put them back. */
    private final AtomicLong pending = new AtomicLong();

    private final AtomicBoolean refilling = new AtomicBoolean();
    private final Demand demand;
    private final PrefetchCharges charges = new PrefetchCharges();

    private volatile KeyStatus status = new KeyStatus(0, 0, 0);
    private volatile long windowEndMicros = Long.MAX_VALUE;
    private volatile long refillTarget;
    private volatile long requestsAtRefill;
    private final AtomicLong calls = new AtomicLong();
    private long savedBefore;
    private long credit;
    private volatile boolean forgotten;

    /** The state of the key in the latest answer of the store. */
    private record KeyStatus(long remaining, long resetAtMicros, long nextAtMicros) {}

    /**
     * Creates an empty holder of permits.
     *
     * @param threshold of the policy
     * @param expired   counts expired permits
     */
    PrefetchedPermits(Policy policy, String key, long now, PrefetchThreshold threshold, LongAdder expired) {
        this.policy = policy;
        this.key = key;
        this.demand = new Demand(now);
        this.threshold = threshold;
        this.expired = expired;
    }

    Policy policy() {
        return policy;
    }

    String key() {
        return key;
    }

    /** Returns whether requests under a policy may use these permits. */
    boolean fits(Policy other) {
        return policy.maxPrefetch() == other.maxPrefetch()
                && policy.rateLimits().equals(other.rateLimits())
                && policy.onError() == other.onError();
    }

    /** Returns the permits that can be granted. */
    long held(long now) {
        return now < windowEndMicros ? Math.max(0, held.get()) : 0;
    }

    /**
     * Takes as many of the permits as are held. In the last moments of a window it takes all or none, because the store
     * might charge the rest to the next window.
     *
     * @return the permits taken
     */
    long take(long permits, long now) {
        if (now >= windowEndMicros) {
            return 0;
        }
        long before;
        long taken;
        do {
            before = held.get();
            taken = before >= permits ? permits : mayBeSplit(permits, now) ? Math.max(0, before) : 0;
        } while (taken > 0 && !held.compareAndSet(before, before - taken));
        pending.addAndGet(taken);
        return taken;
    }

    /** Ends a {@link #take}: the permits are granted, or were put back by {@link #add}. */
    void decided(long permits) {
        pending.addAndGet(-permits);
    }

    /** A request larger than the capacity is denied even if enough permits are prefetched. */
    private boolean mayBeSplit(long permits, long now) {
        return permits <= policy.capacity() && now < windowEndMicros - LAST_MOMENTS_MICROS;
    }

    /** Returns a grant with the permits that the store had left in its latest answer, and the prefetched ones. */
    Decision decision(long now) {
        KeyStatus known = status;
        return new Decision.Allowed(
                Math.min(policy.capacity(), known.remaining + held(now)),
                Math.max(0, known.resetAtMicros - now),
                Decision.Source.PREFETCHED,
                Math.max(0, known.nextAtMicros - now),
                charges.oldest());
    }

    /**
     * Counts a request that the store granted, at least in part.
     *
     * @param permits    the permits of the request
     * @param prefetched those among them that were prefetched
     */
    void grantedByStore(long permits, long prefetched) {
        demand.granted(permits, prefetched);
    }

    /** Records an answer of the store to a call that began at an instant. */
    void answered(Decision decision, long calledAt) {
        status = new KeyStatus(
                decision.remaining(), calledAt + decision.resetAfterMicros(), calledAt + decision.nextPermitMicros());
    }

    /**
     * Starts a refill when half of the last one is used up. Takes at most half of the permits that the store has left,
     * so that other instances get some.
     *
     * @return the permits to take from the store; if not 0, {@link #refilled} must follow
     */
    long startRefill(long now) {
        if (held(now) > refillTarget / 2 || !refilling.compareAndSet(false, true)) {
            return 0;
        }
        long wanted = 0;
        long requests = demand.expectedRequests(held.get());
        if (threshold.isReached(requests, now)) {
            refillTarget = Math.min(policy.maxPrefetch(), demand.expected(held.get()));
            wanted = Math.min(refillTarget - held(now), status.remaining / 2);
        }
        if (wanted < Math.min(MIN_REFILL, policy.maxPrefetch()) || held.get() == CLOSED) {
            refilling.set(false);
            return 0;
        }
        requestsAtRefill = requests;
        return wanted;
    }

    /** Counts an answered call that takes or returns permits. */
    void called() {
        calls.incrementAndGet();
    }

    /** Checks whether prefetching saves calls; that it does not is known once no prefetched permit is left. */
    synchronized void learn(long now) {
        long saved = demand.savedRequests(held.get()) - calls.get();
        credit += saved - savedBefore;
        savedBefore = saved;
        if (credit > MAX_CREDIT) {
            threshold.paid(credit - MAX_CREDIT, requestsAtRefill);
            credit = MAX_CREDIT;
        } else if (credit < 0 && held.get() <= 0 && !refilling.get()) {
            threshold.didNotPay(requestsAtRefill, now);
            credit = 0;
        }
    }

    /**
     * Ends a refill.
     *
     * @param permits the permits that the store has charged, 0 or more
     * @param chargedAt the time of the charge by the clock of the store
     * @param endsAt  the end of the window in which they were charged
     * @param now     the time
     * @return the permits to refund
     */
    long refilled(long permits, long chargedAt, long endsAt, long now) {
        long surplus = permits;
        if (permits > 0) {
            // Permits of the previous window expire before the end moves, so no request can take them.
            expireOldWindow(now);
            if (now < endsAt) {
                windowEndMicros = endsAt;
                demand.added(permits);
                charges.add(permits, chargedAt, held(now) + pending.get());
                surplus = add(permits, now);
            } else {
                surplus = expire(permits);
            }
        }
        refilling.set(false);
        return surplus;
    }

    /**
     * Adds charged permits as far as there is room; none after {@link #close}.
     *
     * @return the permits to refund
     */
    long add(long permits, long now) {
        long before;
        long fitting;
        do {
            before = held.get();
            fitting = before == CLOSED ? 0 : Math.min(permits, policy.maxPrefetch() - before);
        } while (fitting > 0 && !held.compareAndSet(before, before + fitting));
        long surplus = permits - fitting;
        demand.removed(surplus);
        return before == CLOSED && forgotten ? expire(surplus) : refundable(surplus, now);
    }

    /** Returns all permits, or expires them if their window ends before a refund can arrive. */
    private long refundable(long permits, long now) {
        return now < windowEndMicros - LAST_MOMENTS_MICROS ? permits : expire(permits);
    }

    private long expire(long permits) {
        expired.add(permits);
        return 0;
    }

    /** Expires the permits of a window that has ended. They come back in the store with the next window. */
    void expireOldWindow(long now) {
        if (now >= windowEndMicros) {
            expire(reduceTo(0));
        }
    }

    /**
     * Ends a period of demand if it is over.
     *
     * @return the permits to refund: those beyond the use of the period that is over
     */
    long endPeriod(long now) {
        expireOldWindow(now);
        if (!demand.endPeriod(now, held.get())) {
            return 0;
        }
        return refundable(reduceTo(demand.lastPeriod()), now);
    }

    /** Returns whether a refund fits the permits granted here lately; if so, counts them as not used. */
    boolean takesBack(long permits) {
        boolean lately = permits <= demand.recent(held.get());
        if (lately) {
            demand.givenBack(permits);
        }
        return lately;
    }

    /** Returns the charges of permits that are about to be refunded; of unknown charges there are none. */
    List<PrefetchCharges.Part> takeCharges(long permits) {
        return charges.takeNewest(permits);
    }

    /** Returns the time of the oldest charge whose permits may be held. */
    long chargedAt() {
        return charges.oldest();
    }

    /** Returns whether the key has no permits, no running refill and no recent demand. */
    boolean isIdle() {
        return held.get() <= 0 && demand.isIdle(held.get()) && !refilling.get();
    }

    /**
     * Closes the holder; later permits are returned to the caller of {@link #add}.
     *
     * @return the permits to refund
     */
    long close(long now) {
        expireOldWindow(now);
        return refundable(Math.max(0, held.getAndSet(CLOSED)), now);
    }

    /** Closes the holder without refunds, because the store no longer knows the charge. */
    void forget() {
        forgotten = true;
        expire(Math.max(0, held.getAndSet(CLOSED)));
    }

    /** Returns the permits by which the number was reduced. */
    private long reduceTo(long most) {
        long before;
        do {
            before = held.get();
        } while (before > most && !held.compareAndSet(before, most));
        long reduced = Math.max(0, before - most);
        demand.removed(reduced);
        return reduced;
    }

    /**
     * Returns the end of the window in which permits were charged. If the only limit is a fixed window, the answer of
     * the store contains the end, counted from the start of the call. For several limits the answer contains only the
     * latest end, so the clock of this process decides.
     */
    static long windowEnd(Policy policy, Decision answer, long calledAt) {
        long end = Long.MAX_VALUE;
        for (Limit limit : policy.rateLimits()) {
            if (limit instanceof FixedWindow window) {
                end = Math.min(
                        end,
                        policy.rateLimits().size() == 1
                                ? calledAt + answer.resetAfterMicros()
                                : window.startOf(window.windowAt(calledAt) + 1));
            }
        }
        return end;
    }
}
