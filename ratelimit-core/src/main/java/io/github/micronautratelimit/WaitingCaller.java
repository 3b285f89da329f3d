package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.LimitState;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A caller that waits in turn, and the future that it holds. A caller that completes its future itself, by cancelling
 * it or with a timeout, leaves its line.
 *
 * @param <T> the answer that the caller receives
 */
abstract class WaitingCaller<T> extends CompletableFuture<T> {

    /** The wait of a caller that waits for as long as the policies say that deny it. */
    static final long OF_POLICIES = -1;

    private static final int NANOS_PER_MICRO = 1_000;

    /** The permits first, then the slots; with the keys of the store. */
    private final List<PermitRequest> requests;

    private final long arrivedNanos;
    private final long maxWaitNanos;
    private volatile @Nullable Line line;

    /** The queue that a caller leaves when it stops waiting. */
    interface Line {

        /** Removes a caller; does nothing if it is not there. */
        void leave(WaitingCaller<?> caller);
    }

    /**
     * The answer to one attempt.
     *
     * @param decisions one per request
     * @param slots     the slots that are held, if it was allowed
     */
    record Outcome(List<Decision> decisions, List<HeldSlot> slots) {

        Outcome(Decision decision) {
            this(List.of(decision), List.of());
        }

        boolean allowed() {
            for (Decision decision : decisions) {
                if (!decision.allowed()) {
                    return false;
                }
            }
            return true;
        }

        /** Returns the denial with the longest time to wait, or the last decision if all are allowed. */
        Decision decisive() {
            Decision longest = decisions.get(decisions.size() - 1);
            for (Decision decision : decisions) {
                if (decision instanceof Decision.Denied denied && !isLater(longest, denied)) {
                    longest = decision;
                }
            }
            return longest;
        }

        private static boolean isLater(Decision one, Decision.Denied other) {
            return one instanceof Decision.Denied
                    && (one.retryAfterMicros() == LimitState.NEVER
                            || other.retryAfterMicros() != LimitState.NEVER
                                    && one.retryAfterMicros() > other.retryAfterMicros());
        }
    }

    WaitingCaller(List<PermitRequest> requests, long arrivedNanos, long maxWaitNanos) {
        this.requests = requests;
        this.arrivedNanos = arrivedNanos;
        this.maxWaitNanos = maxWaitNanos;
    }

    /** Makes the answer from an outcome. */
    abstract T answer(Outcome outcome);

    /** Reports the final decision. */
    abstract void report(Outcome outcome);

    /** Reports the failure of the backend. */
    abstract void report(Throwable failure);

    /** Gives back a grant, because the caller has stopped waiting. */
    abstract void giveBack(Outcome outcome);

    List<PermitRequest> requests() {
        return requests;
    }

    PermitRequest first() {
        return requests.get(0);
    }

    /** Returns the last instant for a grant, if the policy of any request may be waited for. */
    long deadlineNanos() {
        long wait = maxWaitNanos;
        for (int i = 0; maxWaitNanos == OF_POLICIES && i < requests.size(); i++) {
            wait = Math.max(wait, waitNanos(requests.get(i).policy()));
        }
        return arrivedNanos + wait;
    }

    /** Returns the last instant for a grant after a denial: that of the denying policy with the shortest wait. */
    long deadlineNanos(Outcome denial) {
        if (maxWaitNanos != OF_POLICIES) {
            return deadlineNanos();
        }
        long shortest = Long.MAX_VALUE;
        for (int i = 0; i < requests.size(); i++) {
            if (denial.decisions().get(i) instanceof Decision.Denied) {
                shortest = Math.min(shortest, waitNanos(requests.get(i).policy()));
            }
        }
        return shortest == Long.MAX_VALUE ? deadlineNanos() : arrivedNanos + shortest;
    }

    private static long waitNanos(Policy policy) {
        return policy.maxWait() == null ? 0 : policy.maxWait().toNanos();
    }

    /** Says whether a denial may be followed by a grant within the time that the caller waits. */
    boolean mayWait(Outcome denial, long nowNanos) {
        Decision decisive = denial.decisive();
        return !isFinal(denial)
                && (deniedSlot(denial)
                        ? deadlineNanos(denial) - nowNanos > 0
                        : NANOS_PER_MICRO * decisive.retryAfterMicros() <= deadlineNanos(denial) - nowNanos);
    }

    /** Says whether a denial is one that no time to wait mends, or that tells none. */
    boolean isFinal(Outcome denial) {
        for (int i = 0; i < requests.size(); i++) {
            Decision decision = denial.decisions().get(i);
            if (decision.retryAfterMicros() == LimitState.NEVER || isUnavailable(i, decision)) {
                return true;
            }
        }
        return false;
    }

    /** Says whether on-error denied, so that no other caller of the policy will be granted permits either. */
    boolean isUnavailable(Outcome denial) {
        for (int i = 0; i < requests.size(); i++) {
            if (isUnavailable(i, denial.decisions().get(i))) {
                return true;
            }
        }
        return false;
    }

    private boolean isUnavailable(int index, Decision decision) {
        return decision.isUnavailable(requests.get(index).policy());
    }

    /** Says whether a slot is what the caller waits for. Its time to wait is an estimate. */
    boolean deniedSlot(Outcome denial) {
        for (int i = 0; i < requests.size(); i++) {
            if (denial.decisions().get(i) instanceof Decision.Denied
                    && !requests.get(i).policy().rateLimits().isEmpty()) {
                return false;
            }
        }
        return true;
    }

    /** Makes an outcome of a denial of the first request. */
    final Outcome denied(Decision.Denied denial) {
        List<Decision> decisions = new ArrayList<>(requests.size());
        decisions.add(denial);
        while (decisions.size() < requests.size()) {
            decisions.add(new Decision.Skipped(denial.source()));
        }
        return new Outcome(decisions, List.of());
    }

    /** Completes the future. If the caller has stopped waiting, a grant is given back. */
    final void decide(Outcome outcome) {
        if (!isDone()) {
            report(outcome);
        }
        if (!super.complete(answer(outcome)) && outcome.allowed()) {
            giveBack(outcome);
        }
    }

    final void fail(Throwable failure) {
        Throwable cause = Futures.unwrap(failure);
        if (!isDone()) {
            report(cause);
        }
        super.completeExceptionally(cause);
    }

    /** Sets the line that the caller leaves when it stops waiting. */
    final void waitIn(Line joined) {
        line = joined;
        if (isDone()) {
            // The caller has stopped in the meantime.
            joined.leave(this);
        }
    }

    private boolean leave(boolean completed) {
        Line joined = line;
        if (completed && joined != null) {
            joined.leave(this);
        }
        return completed;
    }

    @Override
    public final boolean complete(T value) {
        return leave(super.complete(value));
    }

    @Override
    public final boolean completeExceptionally(Throwable failure) {
        return leave(super.completeExceptionally(failure));
    }

    @Override
    public final boolean cancel(boolean mayInterruptIfRunning) {
        return leave(super.cancel(mayInterruptIfRunning));
    }
}
