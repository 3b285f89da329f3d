package io.github.micronautratelimit.hazelcast;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import com.hazelcast.map.EntryProcessor;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Wire;

/**
 * What is asked of one key's permits.
 *
 * @param kind   what to do
 * @param policy the limits; its name says nothing here
 * @param costs  the permits of each request, one after the other; of a block the microseconds that it lasts
 */
record Step(Kind kind, Policy policy, List<Long> costs) implements Question<List<Decision>> {

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

    @Override
    public Change<List<Decision>> on(byte @Nullable [] stored, long nowMicros, boolean inTests) {
        Outcome outcome = on(stored == null ? null : Wire.readState(stored), nowMicros);
        LimitState written = outcome.written();
        return new Change<>(outcome.decisions(), written == null ? null : Written.of(written, nowMicros, inTests));
    }

    @Override
    public long longestLifeMillis(long nowMicros, boolean inTests) {
        return policy.limits().stream()
                .mapToLong(limit -> limit.stateAt(null, nowMicros).charge(limit.capacity()).resetAfter(nowMicros))
                .map(micros -> Written.lifeMillis(micros, inTests)).max().orElseThrow()
                + policy.limits().stream().mapToLong(Limit::periodMicros).max().orElseThrow() / 1_000;
    }

    @Override
    public EntryProcessor<String, byte[], long[]> sent(@Nullable Long givenMicros) {
        return new Decide(this, givenMicros);
    }

    @Override
    public List<Decision> read(long[] numbers) {
        return Answer.read(numbers, policy.limits());
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
