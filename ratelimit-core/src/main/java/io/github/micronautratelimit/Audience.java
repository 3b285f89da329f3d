package io.github.micronautratelimit;

import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Those who are told what a limiter decides: its listeners, and from when somebody asks for them on its counts. Without
 * either nothing is done for them, not even a look at the clock, which takes as long as deciding.
 */
final class Audience {

    private final Listeners listeners;
    private volatile @Nullable DecisionCounts counts;

    Audience(Listeners listeners) {
        this.listeners = listeners;
    }

    Listeners listeners() {
        return listeners;
    }

    synchronized DecisionCounts counts() {
        DecisionCounts counting = counts;
        if (counting == null) {
            counting = new DecisionCounts();
            counts = counting;
        }
        return counting;
    }

    /** Whether nobody is there. */
    boolean isEmpty() {
        return !isListening() && counts == null;
    }

    /** Whether there are listeners, who want to know how long it took. */
    boolean isListening() {
        return !listeners.isEmpty();
    }

    /** When something begins that listeners are told the duration of. */
    long begun() {
        return isListening() ? System.nanoTime() : 0;
    }

    private long since(long begun) {
        return isListening() ? System.nanoTime() - begun : 0;
    }

    void count(Policy policy, LimitType type, long permits, Decision decision) {
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.count(policy, type, permits, decision);
        }
    }

    void decided(Ask ask, Decision decision, long begun) {
        count(ask.policy(), ask.type(), ask.permits(), decision);
        if (isListening()) {
            listeners.decided(ask, decision, since(begun));
        }
    }

    void decided(List<Ask> asks, List<Decision> each, long begun) {
        if (isEmpty()) {
            return;
        }
        Decisions made = new Decisions(asks, each);
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.count(made);
        }
        if (isListening()) {
            listeners.decided(made, since(begun));
        }
    }

    void failed(Ask ask, Throwable failure, long begun) {
        listeners.failed(ask.policy(), ask.key(), failure, since(begun));
    }

    void failed(List<Ask> asks, Throwable failure, long begun) {
        listeners.failed(asks, failure, since(begun));
    }
}
