package io.github.micronautratelimit;

import io.github.micronautratelimit.WaitingCaller.Outcome;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The callers of one queue in their order, and the instants of their turns as far as is known.
 *
 * <p><em>Batched</em> callers want permits of one policy and key. The costs ahead of a caller then say when its turn
 * comes at the earliest, and several may have their turn at once. Other callers want permits of several policies, or
 * slots, and have their turn one by one.
 *
 * <p>Knows no clock: instants are nanoseconds of {@link System#nanoTime()}. Not thread-safe.
 */
final class Turns {

    /** The most callers that have their turn at once. */
    static final int MAX_BATCH = 64;

    /** No instant. */
    static final long NEVER = Long.MAX_VALUE;

    private static final int NANOS_PER_MICRO = 1_000;
    private static final long SWEEP_NANOS = 100_000_000;
    private static final long FIRST_SLOT_POLL_MICROS = 20_000;
    private static final long LONGEST_SLOT_POLL_MICROS = 1_000_000;

    private final boolean batched;
    private final Contention contention;
    private final LongUnaryOperator random;
    private final LinkedHashSet<WaitingCaller<?>> callers = new LinkedHashSet<>();
    /** The sum of the costs of all callers. */
    private long cost;
    /** The earliest turns as of {@link #paceNanos}; {@code null} if the next attempt has to find out. */
    private @Nullable Pace pace;

    private long paceNanos;
    private long attemptNanos = NEVER;
    private long earliestDeadlineNanos = NEVER;
    private Decision.@Nullable Denied lastDenial;
    /** A denial may have put off the turns of callers since {@link #sweptNanos}. */
    private boolean isPaceWorse;

    private long sweptNanos;
    private long slotPollMicros = FIRST_SLOT_POLL_MICROS;

    /**
     * Creates turns without callers.
     *
     * @param shared whether other instances may take permits of the same keys
     * @param random returns a random number from 0 to a bound
     */
    Turns(boolean batched, Policy policy, boolean shared, LongUnaryOperator random) {
        this.batched = batched;
        this.contention = new Contention(policy, shared);
        this.random = random;
    }

    boolean isEmpty() {
        return callers.isEmpty();
    }

    int size() {
        return callers.size();
    }

    boolean isBatched() {
        return batched;
    }

    List<WaitingCaller<?>> all() {
        return List.copyOf(callers);
    }

    @Nullable
    WaitingCaller<?> first() {
        return callers.isEmpty() ? null : callers.iterator().next();
    }

    /** Returns the next instant at which there is something to do: an attempt, or the end of a wait. */
    long wakeUpNanos() {
        return Math.min(attemptNanos, earliestDeadlineNanos);
    }

    boolean isAttemptDue(long now) {
        return !callers.isEmpty() && attemptNanos <= now;
    }

    /** Makes an attempt due now, to find out how many permits are free. */
    void tryAt(long now) {
        attemptNanos = now;
    }

    private static long permits(WaitingCaller<?> caller) {
        return caller.first().permits();
    }

    /** Returns the earliest instant at which requests of this cost in sum can have been granted. */
    private long dueNanos(long permits) {
        return pace == null ? paceNanos : paceNanos + NANOS_PER_MICRO * pace.microsUntil(permits);
    }

    /**
     * Returns the earliest turn of a caller behind all others.
     *
     * @param own the denial of its own attempt just now, or {@code null} if it has made none
     */
    long turnOf(WaitingCaller<?> caller, @Nullable Outcome own, long now) {
        long turn = batched ? Math.max(now, dueNanos(cost + permits(caller))) : now;
        return own == null || caller.deniedSlot(own)
                ? turn
                : Math.max(turn, now + NANOS_PER_MICRO * own.decisive().retryAfterMicros());
    }

    /** Adds a caller behind all others. */
    void add(WaitingCaller<?> caller) {
        callers.add(caller);
        cost += permits(caller);
        earliestDeadlineNanos = Math.min(earliestDeadlineNanos, caller.deadlineNanos());
    }

    boolean remove(WaitingCaller<?> caller) {
        boolean removed = callers.remove(caller);
        if (removed) {
            cost -= permits(caller);
        }
        return removed;
    }

    /**
     * Returns the callers whose turn has come, in their order. Each costs as much as the one before it or more: if one
     * is denied, all behind it are denied too, so a cheap request never overtakes an expensive one.
     */
    List<WaitingCaller<?>> due(long now) {
        List<WaitingCaller<?>> due = new ArrayList<>();
        long sum = 0;
        long previous = 0;
        for (WaitingCaller<?> caller : callers) {
            sum += permits(caller);
            boolean together = batched
                    && pace != null
                    && due.size() < MAX_BATCH
                    && permits(caller) >= previous
                    && sum <= caller.first().policy().capacity()
                    && dueNanos(sum) <= now;
            if (!due.isEmpty() && !together) {
                break;
            }
            due.add(caller);
            previous = permits(caller);
        }
        return due;
    }

    /** Takes the next turns from a grant. */
    void granted(WaitingCaller<?> caller, Outcome outcome, long now) {
        Decision decision = outcome.decisive();
        slotPollMicros = FIRST_SLOT_POLL_MICROS;
        if (!batched || decision.source() != Decision.Source.STORE) {
            // Other sources do not know exactly when the next permit comes.
            unknown(now);
            return;
        }
        pace = Pace.after(caller.first().policy(), decision, permits(caller));
        paceNanos = now;
        WaitingCaller<?> next = first();
        attemptNanos = next == null ? NEVER : dueNanos(permits(next));
    }

    /** Takes the next turns from a denial. */
    void denied(WaitingCaller<?> caller, Outcome outcome, long now) {
        Decision decision = outcome.decisive();
        isPaceWorse = true;
        lastDenial = decision instanceof Decision.Denied denied ? denied : null;
        paceNanos = now;
        long wait = decision.retryAfterMicros();
        if (batched) {
            pace = Pace.after(caller.first().policy(), decision, permits(caller));
        } else if (caller.deniedSlot(outcome)) {
            wait = Math.min(wait, slotPollMicros);
            slotPollMicros = Math.min(LONGEST_SLOT_POLL_MICROS, 2 * slotPollMicros);
        }
        attemptNanos = now + NANOS_PER_MICRO * Math.max(1, wait);
        if (!batched && caller.deniedSlot(outcome)) {
            // A last attempt at the end of the wait.
            attemptNanos = Math.min(attemptNanos, Math.max(now + 1, caller.deadlineNanos()));
        }
    }

    /** Makes an attempt due now, because the last one did not say how many permits are free. */
    void unknown(long now) {
        pace = null;
        paceNanos = now;
        attemptNanos = now;
    }

    /** Returns whether an attempt now is granted unless others take permits too. */
    boolean expectsGrant(WaitingCaller<?> first, long now) {
        return batched && pace != null && pace.isExact(permits(first)) && dueNanos(permits(first)) <= now;
    }

    /** Delays the next attempt if others take permits too, but not beyond the time that a caller waits. */
    void share(boolean granted) {
        contention.attempted(granted);
        long delay = NANOS_PER_MICRO * contention.delayMicros(granted, random);
        if (attemptNanos != NEVER) {
            attemptNanos = Math.min(Math.max(attemptNanos, earliestDeadlineNanos), attemptNanos + delay);
        }
    }

    /**
     * Removes the callers whose turn comes too late. Callers may wait in great number, so denials make it look for them
     * only now and then.
     *
     * @return these callers with their denials
     */
    List<Denial> removeLate(long now) {
        if (now < earliestDeadlineNanos && !(isPaceWorse && now - sweptNanos >= SWEEP_NANOS)) {
            return List.of();
        }
        sweptNanos = now;
        isPaceWorse = false;
        earliestDeadlineNanos = NEVER;
        List<Denial> late = new ArrayList<>();
        long sum = 0;
        for (Iterator<WaitingCaller<?>> all = callers.iterator(); all.hasNext(); ) {
            WaitingCaller<?> caller = all.next();
            long deadline = caller.deadlineNanos();
            long turn = batched ? dueNanos(sum + permits(caller)) : attemptNanos;
            if (turn > now && (batched ? turn > deadline : now >= deadline)) {
                all.remove();
                cost -= permits(caller);
                late.add(new Denial(caller, denial(caller, turn, now)));
            } else {
                sum += permits(caller);
                earliestDeadlineNanos = Math.min(earliestDeadlineNanos, Math.max(deadline, now + 1));
            }
        }
        return late;
    }

    /** A caller and its final denial. */
    record Denial(WaitingCaller<?> caller, Outcome outcome) {}

    /** Makes the denial of a caller that does not wait for its turn. */
    Outcome denial(WaitingCaller<?> caller, long turn, long now) {
        long wait = Math.max(1, (turn - now) / NANOS_PER_MICRO);
        Decision.Denied last = lastDenial;
        return caller.denied(
                last == null
                        ? new Decision.Denied(0, wait, wait, List.of(), Decision.Source.DENY_CACHE)
                        : new Decision.Denied(
                                last.remaining(),
                                wait,
                                Math.max(wait, last.resetAfterMicros()),
                                last.deniedBy(),
                                Decision.Source.DENY_CACHE));
    }
}
