package io.github.micronautratelimit.dynamodb;

import java.util.ArrayList;
import java.util.List;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
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
        List<LimitState> states = item.states(now);
        List<Decision> decisions = new ArrayList<>(costs.size());
        long granted = 0;
        for (long cost : costs) {
            if (admits(states, cost)) {
                states = charged(states, cost);
                granted += cost;
                decisions.add(grant(states, now));
            } else {
                decisions.add(denial(policy, states, cost, now));
            }
        }
        return new Verdict(policy, now, costs, decisions, granted);
    }

    /**
     * The same grants as they stand on the item they were written to, which others may have charged in between. Who was
     * denied before is denied still, for what was free can only have become less, unless somebody gave back.
     */
    Verdict on(Item item) {
        List<LimitState> states = item.states(now);
        List<Decision> settled = new ArrayList<>(costs.size());
        for (int i = 0; i < costs.size(); i++) {
            long cost = costs.get(i);
            if (decisions.get(i).allowed()) {
                states = charged(states, cost);
                settled.add(grant(states, now));
            } else {
                settled.add(admits(states, cost) ? decisions.get(i) : denial(policy, states, cost, now));
            }
        }
        return new Verdict(policy, now, costs, settled, granted);
    }

    /** What one request would be answered, before it takes anything. */
    static Decision foretold(Policy policy, long permits, Item item, long now) {
        List<LimitState> states = item.states(now);
        return admits(states, permits) ? grant(states, now) : denial(policy, states, permits, now);
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

    private static boolean admits(List<LimitState> states, long permits) {
        return states.stream().allMatch(state -> state.admits(permits));
    }

    private static List<LimitState> charged(List<LimitState> states, long permits) {
        return permits == 0 ? states : states.stream().map(state -> state.charge(permits)).toList();
    }

    private static Decision grant(List<LimitState> states, long now) {
        return new Decision.Allowed(remaining(states), resetAfter(states, now), Decision.Source.STORE);
    }

    private static Decision denial(Policy policy, List<LimitState> states, long permits, long now) {
        long retryAfter = 0;
        List<Limit> deniedBy = new ArrayList<>(states.size());
        for (int i = 0; i < states.size(); i++) {
            if (!states.get(i).admits(permits)) {
                deniedBy.add(policy.limits().get(i));
                long after = states.get(i).retryAfter(permits, now);
                boolean never = retryAfter == Decision.NEVER || after == Decision.NEVER;
                retryAfter = never ? Decision.NEVER : Math.max(retryAfter, after);
            }
        }
        return new Decision.Denied(remaining(states), retryAfter, resetAfter(states, now), List.copyOf(deniedBy),
                Decision.Source.STORE);
    }

    private static long remaining(List<LimitState> states) {
        return states.stream().mapToLong(LimitState::remaining).min().orElseThrow();
    }

    private static long resetAfter(List<LimitState> states, long now) {
        return states.stream().mapToLong(state -> state.resetAfter(now)).max().orElseThrow();
    }
}
