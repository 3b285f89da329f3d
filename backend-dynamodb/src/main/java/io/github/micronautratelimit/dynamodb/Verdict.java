package io.github.micronautratelimit.dynamodb;

import java.util.ArrayList;
import java.util.List;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.Policy;

/** What a policy decides on requests of one key, one after the other, by the core's arithmetic. */
final class Verdict {

    private final Policy policy;
    private final long now;
    private final List<Long> costs;
    private final List<Decision> decisions;
    private final long granted;

    private Verdict(Policy policy, long now, List<Long> costs, List<Decision> decisions, long granted) {
        this.policy = policy;
        this.now = now;
        this.costs = costs;
        this.decisions = decisions;
        this.granted = granted;
    }

    static Verdict of(Policy policy, List<Long> costs, Item item, long now) {
        LimitState state = item.state(now);
        List<Decision> decisions = new ArrayList<>(costs.size());
        long granted = 0;
        for (long cost : costs) {
            if (state.admits(cost)) {
                state = state.charge(cost);
                granted += cost;
                decisions.add(state.grant(now));
            } else {
                decisions.add(state.denial(cost, now));
            }
        }
        return new Verdict(policy, now, costs, decisions, granted);
    }

    /**
     * The same grants as they stand on the item they were written to, which others may have charged in between. Who was
     * denied before is denied still, for what was free can only have become less, unless somebody gave back.
     */
    Verdict on(Item item) {
        LimitState state = item.state(now);
        List<Decision> settled = new ArrayList<>(costs.size());
        for (int i = 0; i < costs.size(); i++) {
            long cost = costs.get(i);
            if (decisions.get(i).allowed()) {
                state = state.charge(cost);
                settled.add(state.grant(now));
            } else {
                settled.add(state.admits(cost) ? decisions.get(i) : state.denial(cost, now));
            }
        }
        return new Verdict(policy, now, costs, settled, granted);
    }

    /** What one request would be answered, before it takes anything. */
    static Decision foretold(long permits, Item item, long now) {
        LimitState state = item.state(now);
        return state.admits(permits) ? state.grant(now) : state.denial(permits, now);
    }

    List<Decision> decisions() {
        return decisions;
    }

    /** The permits granted to all requests together. */
    long granted() {
        return granted;
    }

    /** Whether somebody is denied who could be granted on another state. */
    boolean deniesForNow() {
        for (int i = 0; i < costs.size(); i++) {
            if (!decisions.get(i).allowed() && costs.get(i) <= policy.capacity()) {
                return true;
            }
        }
        return false;
    }
}
