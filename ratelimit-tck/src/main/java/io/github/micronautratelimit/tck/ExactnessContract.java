package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.TokenBucket;

import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Exact with numbers far beyond what a double holds, and with limits that change: to the microsecond what the core decides. */
interface ExactnessContract extends Contract {

    /** Permits given back included. */
    @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
    default void decidesAsTheCoreWithOddNumbers(@ForAll(supplier = OddNumbers.Generated.class) OddNumbers odd) {
        try (Trial trial = trial()) {
            List<Policy> versions = versions(trial, odd);
            @Nullable LimitState state = null;
            Policy writtenIn = versions.get(0);
            for (OddNumbers.Step step : odd.steps()) {
                // Back only while the key says something: the store may have forgotten it, and with it the latest time.
                if (step.gapMicros() >= 0 || state != null && !state.isBlank(trial.clock.micros())) {
                    trial.clock.advance(step.gapMicros());
                }
                long now = trial.clock.micros();
                Policy policy = versions.get(step.version() % versions.size());
                if (policy != writtenIn && state != null && state.isBlank(now)) {
                    // Blank in the old numbers, perhaps not in the new: stores may have forgotten it, or not yet.
                    trial.limiter.reset(policy, "key");
                    state = null;
                }
                long permits = Math.max(0, step.permits() < 0 ? policy.capacity() + step.permits() : step.permits());
                LimitState found = policy.stateAt(state, now);
                Decision expected = found.denial(permits, now);
                if (permits == 0) {
                    expected = found.grant(now);
                } else if (found.admits(permits)) {
                    state = found.charge(permits);
                    writtenIn = policy;
                    expected = state.grant(now);
                }
                assertEquals(expected, trial.limiter.acquire(policy, "key", permits));
                if (step.givenBack() > 0 && state != null) {
                    state = policy.stateAt(state, now).refund(step.givenBack());
                    writtenIn = policy;
                    trial.limiter.refund(policy, "key", step.givenBack());
                }
            }
        }
    }

    private static List<Policy> versions(Trial trial, OddNumbers odd) {
        Policy first = trial.policy(odd.versions().get(0));
        return odd.versions().stream().map(limits -> new Policy(first.name(), limits, OnError.CLOSED)).toList();
    }

    /** A rounded product would be less than a microsecond off each time: over many requests it shows. */
    @Test
    default void nothingDrifts() {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(List.of(new TokenBucket(131_071, OddNumbers.LONGEST_MICROS - 1, 131_071)));
            Random random = new Random(1);
            LimitState state = policy.stateAt(null, trial.clock.micros());
            for (int i = 0; i < 2_000; i++) {
                trial.clock.advance(random.nextLong(OddNumbers.LONGEST_MICROS / 8));
                long now = trial.clock.micros();
                state = policy.stateAt(state, now);
                long permits = Math.max(1, random.nextLong(state.remaining() / 4 + 1));
                Decision expected = state.denial(permits, now);
                if (state.admits(permits)) {
                    state = state.charge(permits);
                    expected = state.grant(now);
                }
                assertEquals(expected, trial.limiter.acquire(policy, "key", permits));
            }
        }
    }
}
