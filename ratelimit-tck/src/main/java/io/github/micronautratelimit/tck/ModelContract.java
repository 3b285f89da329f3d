package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.memory.MemoryBackend;

import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Random limits and requests, judged by counting and by the core's own arithmetic. */
interface ModelContract extends Contract {

    /** Every grant keeps every limit's promise over every interval, and no denial is without need. */
    @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
    default void grantsAndDenialsAreJustifiedByTheLogOfGrants(
            @ForAll(supplier = History.Forward.class) History history) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(history.limits());
            AdmissionLog log = new AdmissionLog();
            for (History.Step step : history.steps()) {
                trial.clock.advance(step.gapMicros());
                long now = trial.clock.micros();
                long permits = step.permits();
                if (trial.limiter.acquire(policy, "key", permits).allowed()) {
                    assertTrue(permits == 0 || policy.limits().stream()
                            .allMatch(limit -> log.mayGrant(limit, now, permits)), "granted");
                    log.add(now, permits);
                } else {
                    assertTrue(policy.limits().stream()
                            .anyMatch(limit -> log.mayDeny(limit, now, permits)), "denied");
                }
            }
        }
    }

    /** To the microsecond what {@link Policy#stateAt} and {@link LimitState} decide, also where clocks differ. */
    @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
    default void decidesAsTheCoresOwnArithmetic(@ForAll(supplier = History.Wavering.class) History history) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(history.limits());
            @Nullable LimitState state = null;
            for (History.Step step : history.steps()) {
                trial.advance(step.gapMicros(), policy, "key");
                long now = trial.clock.micros();
                LimitState found = policy.stateAt(state, now);
                Decision expected = found.denial(step.permits(), now);
                if (step.permits() == 0) {
                    expected = found.grant(now);
                } else if (found.admits(step.permits())) {
                    state = found.charge(step.permits());
                    expected = state.grant(now);
                }
                assertEquals(expected, trial.limiter.acquire(policy, "key", step.permits()));
            }
        }
    }

    /** The same decisions as the memory backend's, with looks, refunds and resets in between. */
    @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
    default void decidesAsTheMemoryBackend(@ForAll(supplier = History.Wavering.class) History history) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(history.limits());
            MemoryBackend memory = new MemoryBackend(trial.clock, 1_000);
            for (History.Step step : history.steps()) {
                trial.advance(step.gapMicros(), policy, "key");
                assertEquals(memory.peek(policy, "key", step.permits()).join(),
                        trial.limiter.peek(policy, "key", step.permits()));
                assertEquals(memory.acquire(policy, "key", step.permits()).join(),
                        trial.limiter.acquire(policy, "key", step.permits()));
                if (step.permits() % 4 == 3) {
                    memory.refund(policy, "key", 2).join();
                    trial.limiter.refund(policy, "key", 2);
                } else if (step.permits() == 11) {
                    memory.reset(policy, "key").join();
                    trial.limiter.reset(policy, "key");
                }
            }
        }
    }
}
