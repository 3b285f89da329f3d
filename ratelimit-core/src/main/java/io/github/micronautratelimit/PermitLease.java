package io.github.micronautratelimit;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * The permits that are held of one key: charged by the store, and neither granted nor given back yet.
 *
 * <p>They are one number that changes by compare-and-set, so each of them is granted, given back or lapses, once. It is
 * raised by what the store has charged for it, by one refill at a time, and by permits that were taken and not used.
 */
final class PermitLease {

    /** As many are held as were used in as long. */
    static final long TURN_MICROS = 500_000;
    /** How long before a window ends nothing is given back: it could arrive in the next, which did not charge it. */
    private static final long LAST_MOMENTS_MICROS = 1_000_000;

    private static final long ENDED = -1;

    private final Policy policy;
    private final String key;
    private final LongAdder lapsed;
    private final AtomicLong held = new AtomicLong();
    private final AtomicBoolean refilling = new AtomicBoolean();
    /** All that was held ever, less what went without being used. */
    private final LongAdder brought = new LongAdder();
    private final LongAdder usedWithout = new LongAdder();

    private volatile Standing standing = new Standing(0, 0);
    private volatile long endsAtMicros = Long.MAX_VALUE;
    private volatile long aim;
    private volatile boolean forgotten;

    private volatile long turnedAtMicros;
    private volatile long usedByTurn;
    private volatile long usedInLastTurn;

    /** How the key stood when the store told last. */
    private record Standing(long remaining, long resetAtMicros) {
    }

    /** An empty one; what lapses is counted. */
    PermitLease(Policy policy, String key, long now, LongAdder lapsed) {
        this.policy = policy;
        this.key = key;
        this.turnedAtMicros = now;
        this.lapsed = lapsed;
    }

    Policy policy() {
        return policy;
    }

    String key() {
        return key;
    }

    /** The permits that may be granted. */
    long held(long now) {
        return now < endsAtMicros ? Math.max(0, held.get()) : 0;
    }

    /**
     * Takes as many of the permits as are held. In the last moments of a window all or none: the rest might be charged in
     * the next.
     *
     * @return how many were taken
     */
    long take(long permits, long now) {
        if (now >= endsAtMicros) {
            return 0;
        }
        long before;
        long taken;
        do {
            before = held.get();
            taken = before >= permits ? permits : mayBeSplit(permits, now) ? Math.max(0, before) : 0;
        } while (taken > 0 && !held.compareAndSet(before, before - taken));
        return taken;
    }

    /** What can never be granted must not be for the sake of what is held. */
    private boolean mayBeSplit(long permits, long now) {
        return permits <= policy.capacity() && now < endsAtMicros - LAST_MOMENTS_MICROS;
    }

    /** How the key stands: what the store had left when it told last, and what is held. */
    Decision standing(long now) {
        Standing known = standing;
        return new Decision.Allowed(Math.min(policy.capacity(), known.remaining + held(now)),
                Math.max(0, known.resetAtMicros - now), Decision.Source.LEASE);
    }

    /** The store has granted a request itself. */
    void usedWithout(long permits) {
        usedWithout.add(permits);
    }

    /** The store has told how the key stood at some time after an instant. */
    void learns(Decision told, long askedAt) {
        standing = new Standing(told.remaining(), askedAt + told.resetAfterMicros());
    }

    /**
     * How many permits to ask the store for; if not 0, {@link #refilled} has to follow. When half is used up, so many that
     * as many are held as were used in this turn or the last, but no more than half of what the store has left: others
     * want some too.
     */
    long toRefill(long now) {
        long left = held(now);
        if (left > aim / 2 || !refilling.compareAndSet(false, true)) {
            return 0;
        }
        aim = Math.min(policy.maxLease(), Math.max(usedInLastTurn, used() - usedByTurn));
        long wanted = Math.min(aim - held(now), standing.remaining / 2);
        if (wanted <= 0 || held.get() == ENDED) {
            refilling.set(false);
            return 0;
        }
        return wanted;
    }

    /**
     * Ends a refill.
     *
     * @param permits what the store has charged, 0 or more
     * @param endsAt  when that must not be granted any more
     * @param now     the time
     * @return the permits to be given back
     */
    long refilled(long permits, long endsAt, long now) {
        long tooMany = permits;
        if (permits > 0) {
            // What is left from before goes before the end moves: nobody can take it then.
            lapse(now);
            if (now < endsAt) {
                endsAtMicros = endsAt;
                brought.add(permits);
                tooMany = add(permits, now);
            } else {
                tooMany = lapses(permits);
            }
        }
        refilling.set(false);
        return tooMany;
    }

    /**
     * Holds permits that are charged, as far as there is room; none if the lease has ended.
     *
     * @return the permits to be given back
     */
    long add(long permits, long now) {
        long before;
        long fitting;
        do {
            before = held.get();
            fitting = before == ENDED ? 0 : Math.min(permits, policy.maxLease() - before);
        } while (fitting > 0 && !held.compareAndSet(before, before + fitting));
        long tooMany = permits - fitting;
        brought.add(-tooMany);
        return before == ENDED && forgotten ? lapses(tooMany) : toGiveBack(tooMany, now);
    }

    /** All, or none where they come back by themselves before long. */
    private long toGiveBack(long permits, long now) {
        return now < endsAtMicros - LAST_MOMENTS_MICROS ? permits : lapses(permits);
    }

    private long lapses(long permits) {
        lapsed.add(permits);
        return 0;
    }

    /** Lets go of what must not be granted any more. It is not given back: with the window it has come back by itself. */
    void lapse(long now) {
        if (now >= endsAtMicros) {
            lapses(letGo(0));
        }
    }

    /**
     * Goes on to the next turn when it is time.
     *
     * @return the permits to be given back: those held beyond what was used in the turn that is over
     */
    long turn(long now) {
        lapse(now);
        if (now - turnedAtMicros < TURN_MICROS) {
            return 0;
        }
        long used = used();
        usedInLastTurn = Math.max(0, used - usedByTurn);
        usedByTurn = used;
        turnedAtMicros = now;
        return toGiveBack(letGo(usedInLastTurn), now);
    }

    /** Permits that were granted are given back by who was granted them; whether they were granted here, and lately. */
    boolean takesBack(long permits) {
        boolean lately = permits <= usedInLastTurn + used() - usedByTurn;
        if (lately) {
            usedWithout.add(-permits);
        }
        return lately;
    }

    /** Whether nothing is held, under way or worth remembering. */
    boolean isIdle() {
        return held.get() <= 0 && usedInLastTurn == 0 && used() == usedByTurn && !refilling.get();
    }

    /**
     * Holds nothing any more.
     *
     * @return the permits to be given back
     */
    long end(long now) {
        lapse(now);
        return toGiveBack(Math.max(0, held.getAndSet(ENDED)), now);
    }

    /** Holds nothing any more, not even to give it back: the store has forgotten that it was charged. */
    void forget() {
        forgotten = true;
        lapses(Math.max(0, held.getAndSet(ENDED)));
    }

    /** Lets go of what is held beyond a number. */
    private long letGo(long beyond) {
        long before;
        do {
            before = held.get();
        } while (before > beyond && !held.compareAndSet(before, beyond));
        long gone = Math.max(0, before - beyond);
        brought.add(-gone);
        return gone;
    }

    /** The permits granted so far, out of the lease and without. */
    private long used() {
        return usedWithout.sum() + brought.sum() - Math.max(0, held.get());
    }

    /**
     * When permits must not be granted any more: at the end of the window they were charged in. If the policy's only limit
     * is a fixed window, its end is known from the answer, counted from before it was made; of several limits the answer
     * tells the latest end only, and this process's clock has to do.
     */
    static long endOf(Policy policy, Decision answer, long askedAt) {
        long end = Long.MAX_VALUE;
        for (Limit limit : policy.limits()) {
            if (limit instanceof FixedWindow) {
                end = Math.min(end, policy.limits().size() == 1 ? askedAt + answer.resetAfterMicros()
                        : (Math.floorDiv(askedAt, limit.periodMicros()) + 1) * limit.periodMicros());
            }
        }
        return end;
    }
}
