package io.github.micronautratelimit;

import io.github.micronautratelimit.WaitingCaller.Outcome;
import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * The callers of one key that wait in turn, first-in first-out.
 *
 * <p><em>Attempts.</em> The time to wait of the last denial, or of the last grant for the next permit, says when the
 * first caller can be granted. One attempt is made then, for the first caller and for those behind it whose turn may
 * have come too. At most one attempt is under way. Between attempts nothing happens.
 *
 * <p><em>Bounds.</em> A caller whose turn is known to come after its time to wait is denied at once, when it arrives or
 * when a later answer says so.
 *
 * <p><em>Concurrency.</em> The turns are guarded by the lock of the queue. Attempts start and callers complete outside
 * of it. A queue without callers is removed and closed; it never opens again. Safe for use by any number of threads.
 */
final class WaitingQueue implements WaitingCaller.Line {

    private final Owner owner;
    private final Object name;
    private final Attempt attempt;
    private final Turns turns;
    private long alarmNanos = Turns.NEVER;
    private boolean attempting;
    /** Something may have become free during the present attempt. */
    private boolean again;

    private boolean closed;

    /** Tries to get what callers wait for; completes with one outcome per caller. */
    interface Attempt {

        CompletionStage<List<Outcome>> tryFor(List<WaitingCaller<?>> callers);
    }

    /** The clock, the thread and the bounds that the queues of a limiter share. */
    interface Owner {

        long nanoTime();

        /** Returns whether there is room for a caller, which then counts as waiting until {@link #left}. */
        boolean admits(int callersOfQueue);

        void left();

        /** Calls {@link #wakeUp} at an instant or soon after. */
        void schedule(WaitingQueue queue, long atNanos);

        /** Runs what completes a caller, on a thread on which the callbacks of the caller may block. */
        void run(Runnable completion);

        void remove(WaitingQueue queue);
    }

    WaitingQueue(Owner owner, Object name, Turns turns, Attempt attempt) {
        this.owner = owner;
        this.name = name;
        this.turns = turns;
        this.attempt = attempt;
    }

    Object name() {
        return name;
    }

    /**
     * Adds a caller, or completes it with a denial if its turn comes too late or the queue is full.
     *
     * @param own the denial of its own attempt just now, or {@code null} if it has made none
     * @return {@code false} if the queue is closed
     */
    boolean join(WaitingCaller<?> caller, @Nullable Outcome own) {
        Outcome denial = null;
        synchronized (this) {
            if (closed) {
                return false;
            }
            long now = owner.nanoTime();
            boolean first = turns.isEmpty();
            if (first && own != null) {
                turns.denied(caller, own, now);
            }
            long turn = turns.turnOf(caller, own, now);
            if (turn <= caller.deadlineNanos() && owner.admits(turns.size())) {
                turns.add(caller);
            } else {
                denial = first && own != null ? own : turns.denial(caller, turn, now);
                closeIfEmpty();
            }
            schedule();
        }
        if (denial == null) {
            caller.waitIn(this);
        } else {
            caller.decide(denial);
        }
        return true;
    }

    private void schedule() {
        if (!attempting && !turns.isEmpty() && turns.wakeUpNanos() < alarmNanos) {
            alarmNanos = turns.wakeUpNanos();
            owner.schedule(this, alarmNanos);
        }
    }

    /** Makes the attempt that is due, and denies callers whose time has ended. */
    void wakeUp(long scheduledNanos) {
        List<Runnable> completions = new ArrayList<>();
        synchronized (this) {
            if (scheduledNanos != alarmNanos) {
                // An earlier alarm has taken the place of this one.
                return;
            }
            alarmNanos = Turns.NEVER;
            long now = owner.nanoTime();
            if (!attempting && !turns.isAttemptDue(now)) {
                denyLate(now, completions);
                schedule();
            }
        }
        completions.forEach(owner::run);
        attempt();
    }

    /** Makes an attempt now, because something may have become free. */
    void tryNow() {
        synchronized (this) {
            again = attempting;
            turns.tryAt(owner.nanoTime());
        }
        attempt();
    }

    /** Repeats attempts for as long as they are due at once and answered at once. */
    private void attempt() {
        for (List<WaitingCaller<?>> due = begin(); !due.isEmpty(); due = begin()) {
            List<WaitingCaller<?>> tried = due;
            CompletableFuture<List<Outcome>> answer =
                    Futures.call(() -> attempt.tryFor(tried)).toCompletableFuture();
            if (!answer.isDone()) {
                answer.whenComplete((outcomes, failure) -> {
                    end(tried, outcomes, failure);
                    attempt();
                });
                return;
            }
            answer.whenComplete((outcomes, failure) -> end(tried, outcomes, failure));
        }
    }

    /** Returns the callers to try now; none if an attempt is under way or none is due. */
    private synchronized List<WaitingCaller<?>> begin() {
        long now = owner.nanoTime();
        if (attempting || !turns.isAttemptDue(now)) {
            return List.of();
        }
        attempting = true;
        again = false;
        return turns.due(now);
    }

    private void end(List<WaitingCaller<?>> tried, @Nullable List<Outcome> outcomes, @Nullable Throwable failure) {
        List<Runnable> completions = new ArrayList<>();
        synchronized (this) {
            attempting = false;
            long now = owner.nanoTime();
            if (outcomes == null || failure != null) {
                Throwable cause =
                        failure == null ? new IllegalStateException("The backend has not answered.") : failure;
                tried.forEach(caller -> complete(caller, () -> caller.fail(cause), completions));
                turns.unknown(now);
            } else {
                answered(tried, outcomes, now, completions);
            }
            if (again) {
                turns.tryAt(now);
            }
            denyLate(now, completions);
            schedule();
        }
        completions.forEach(owner::run);
    }

    private void answered(List<WaitingCaller<?>> tried, List<Outcome> outcomes, long now, List<Runnable> completions) {
        boolean expected = turns.expectsGrant(tried.get(0), now);
        List<Outcome> unclaimed = new ArrayList<>();
        int granted = 0;
        while (granted < outcomes.size() && outcomes.get(granted).allowed()) {
            WaitingCaller<?> caller = tried.get(granted);
            Outcome outcome = outcomes.get(granted++);
            if (!complete(caller, () -> caller.decide(outcome), completions)) {
                unclaimed.add(outcome);
            }
        }
        boolean allGranted = granted == outcomes.size();
        int last = allGranted ? granted - 1 : granted;
        if (allGranted) {
            turns.granted(tried.get(last), outcomes.get(last), now);
        } else {
            denied(tried.get(last), outcomes.get(last), now, completions);
        }
        if (expected) {
            turns.share(granted > 0);
        }
        unclaimed.forEach(outcome -> passOn(outcome, tried.get(0), now, completions));
    }

    private void denied(WaitingCaller<?> caller, Outcome outcome, long now, List<Runnable> completions) {
        if (turns.isBatched() && caller.isUnavailable(outcome)) {
            Decision.Denied shared = (Decision.Denied) outcome.decisive();
            for (WaitingCaller<?> other : turns.all()) {
                complete(other, () -> other.decide(other.denied(shared)), completions);
            }
            return;
        }
        if (caller.isFinal(outcome)) {
            turns.unknown(now);
        } else {
            turns.denied(caller, outcome, now);
        }
        if (!caller.mayWait(outcome, now)) {
            complete(caller, () -> caller.decide(outcome), completions);
            if (!turns.isBatched()) {
                turns.tryAt(now);
            }
        }
    }

    /** Passes the grant of a caller that has left on to the first one, if it costs the same. */
    private void passOn(Outcome outcome, WaitingCaller<?> left, long now, List<Runnable> completions) {
        WaitingCaller<?> next = turns.first();
        if (turns.isBatched()
                && next != null
                && next.first().permits() == left.first().permits()) {
            complete(next, () -> next.decide(outcome), completions);
        } else {
            completions.add(() -> left.giveBack(outcome));
        }
        turns.tryAt(now);
    }

    private void denyLate(long now, List<Runnable> completions) {
        for (Turns.Denial late : turns.removeLate(now)) {
            owner.left();
            completions.add(() -> late.caller().decide(late.outcome()));
        }
        closeIfEmpty();
    }

    /** Removes a caller and completes it, unless it has left. */
    private boolean complete(WaitingCaller<?> caller, Runnable completion, List<Runnable> completions) {
        boolean waiting = turns.remove(caller);
        if (waiting) {
            owner.left();
            completions.add(completion);
        }
        return waiting;
    }

    private void closeIfEmpty() {
        if (turns.isEmpty() && !attempting) {
            closed = true;
            owner.remove(this);
        }
    }

    /** Removes a caller that has stopped waiting. The one behind it may have an earlier turn than it had. */
    @Override
    public void leave(WaitingCaller<?> caller) {
        boolean mayBeEarlier;
        synchronized (this) {
            boolean first = turns.first() == caller;
            if (!turns.remove(caller)) {
                return;
            }
            owner.left();
            closeIfEmpty();
            WaitingCaller<?> next = turns.first();
            mayBeEarlier = first
                    && next != null
                    && !(turns.isBatched()
                            && next.first().permits() == caller.first().permits());
        }
        if (mayBeEarlier) {
            tryNow();
        }
    }

    /** Denies all callers, because the limiter closes. */
    void end() {
        List<Runnable> completions = new ArrayList<>();
        synchronized (this) {
            long now = owner.nanoTime();
            for (WaitingCaller<?> caller : turns.all()) {
                Outcome denial = turns.denial(caller, Math.max(now, turns.wakeUpNanos()), now);
                complete(caller, () -> caller.decide(denial), completions);
            }
            closed = true;
            owner.remove(this);
        }
        completions.forEach(owner::run);
    }
}
