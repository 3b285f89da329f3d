package io.github.micronautratelimit.hazelcast;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.Policy;

/**
 * What is asked of one key, and the pure step from its state to the next: the same on the member that owns the key and on
 * a caller who has to decide in its stead.
 *
 * @param kind   what to do
 * @param policy the limits; its name says nothing here
 * @param costs  the permits of each request, one after the other; of a block the microseconds that it lasts
 */
record Step(Kind kind, Policy policy, List<Long> costs) {

    /** What can be asked. The order is what is sent: new kinds go to the end. */
    enum Kind { ACQUIRE, PEEK, REFUND, BLOCK }

    /**
     * What came of it.
     *
     * @param decisions one per request that is decided
     * @param written   the state to remember; {@code null} if nothing changed
     */
    record Outcome(List<Decision> decisions, @Nullable LimitState written) {
    }

    Outcome on(@Nullable LimitState stored, long nowMicros) {
        LimitState state = policy.stateAt(stored, nowMicros);
        return switch (kind) {
            case ACQUIRE -> acquire(state, nowMicros);
            case PEEK -> new Outcome(costs.stream().map(cost -> verdict(state, cost, nowMicros)).toList(), null);
            case REFUND -> new Outcome(List.of(), stored == null ? null : state.refund(costs.get(0)));
            case BLOCK -> new Outcome(List.of(), state.blockedUntil(nowMicros + costs.get(0)));
        };
    }

    private Outcome acquire(LimitState found, long nowMicros) {
        LimitState state = found;
        List<Decision> decisions = new ArrayList<>(costs.size());
        for (long cost : costs) {
            if (cost > 0 && state.admits(cost)) {
                state = state.charge(cost);
                decisions.add(state.grant(nowMicros));
            } else {
                decisions.add(verdict(state, cost, nowMicros));
            }
        }
        return new Outcome(decisions, state == found ? null : state);
    }

    private static Decision verdict(LimitState state, long cost, long nowMicros) {
        return state.admits(cost) ? state.grant(nowMicros) : state.denial(cost, nowMicros);
    }
}
