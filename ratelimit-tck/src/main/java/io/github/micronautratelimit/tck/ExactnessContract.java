package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.List;
import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Decisions equal those of the core to the microsecond, with numbers beyond the precision of a double and changing
 * limits.
 */
interface ExactnessContract extends Contract {

    /** Includes refunds. */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void decidesLikeTheCoreWithExtremeNumbers(
            @ForAll(supplier = LimitChangeScenario.Generated.class) LimitChangeScenario scenario) {
        try (TestCase testCase = newTestCase()) {
            List<Policy> versions = versions(testCase, scenario);
            @Nullable LimitState state = null;
            Policy writtenIn = versions.get(0);
            for (LimitChangeScenario.Step step : scenario.steps()) {
                // Backwards only while the key has state: with an empty key, a store may have removed its latest time.
                if (step.gapMicros() >= 0 || state != null && !state.isBlank(testCase.clock.micros())) {
                    testCase.clock.advance(step.gapMicros());
                }
                long now = testCase.clock.micros();
                Policy policy = versions.get(step.version() % versions.size());
                if (policy != writtenIn && state != null && state.isBlank(now)) {
                    // The state is empty under the old limits, but may not be under the new: a store may have removed
                    // it.
                    testCase.limiter.reset(policy, "key");
                    state = null;
                }
                long permits = Math.max(0, step.permits() < 0 ? policy.capacity() + step.permits() : step.permits());
                LimitState found = LimitState.carryOver(policy.rateLimits(), state, now);
                Decision expected = Decision.denied(found, permits, now);
                if (permits == 0) {
                    expected = Decision.allowed(found, now);
                } else if (found.admits(permits)) {
                    state = found.charge(permits);
                    writtenIn = policy;
                    expected = Decision.allowed(state, now);
                }
                assertEquals(expected, testCase.limiter.tryAcquire(policy, "key", permits));
                if (step.refunded() > 0 && state != null) {
                    state = LimitState.carryOver(policy.rateLimits(), state, now)
                            .refund(step.refunded(), LimitState.LATEST);
                    writtenIn = policy;
                    testCase.limiter.refund(policy, "key", step.refunded());
                }
            }
        }
    }

    private static List<Policy> versions(TestCase testCase, LimitChangeScenario scenario) {
        Policy first = testCase.policy(scenario.versions().get(0));
        return scenario.versions().stream()
                .map(limits -> Policy.of(first.name(), limits).withOnError(OnError.CLOSED))
                .toList();
    }

    /** A rounding error of less than a microsecond per request would add up. */
    @Test
    default void decisionsDoNotDrift() {
        try (TestCase testCase = newTestCase()) {
            Policy policy =
                    testCase.policy(List.of(new TokenBucket(131_071, LimitChangeScenario.LONGEST_MICROS - 1, 131_071)));
            Random random = new Random(1);
            LimitState state = LimitState.carryOver(policy.rateLimits(), null, testCase.clock.micros());
            for (int i = 0; i < 2_000; i++) {
                testCase.clock.advance(random.nextLong(LimitChangeScenario.LONGEST_MICROS / 8));
                long now = testCase.clock.micros();
                state = LimitState.carryOver(policy.rateLimits(), state, now);
                long permits = Math.max(1, random.nextLong(state.remaining() / 4 + 1));
                Decision expected = Decision.denied(state, permits, now);
                if (state.admits(permits)) {
                    state = state.charge(permits);
                    expected = Decision.allowed(state, now);
                }
                assertEquals(expected, testCase.limiter.tryAcquire(policy, "key", permits));
            }
        }
    }
}
