package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;

/** Random limits and requests, checked by counting and by the arithmetic of the core. */
interface ModelContract extends Contract {

    /** Every grant respects every limit in every interval, and every denial is necessary. */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void grantsAndDenialsMatchTheAdmissionLog(@ForAll(supplier = History.Forward.class) History history) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(history.limits());
            AdmissionLog log = new AdmissionLog();
            for (History.Step step : history.steps()) {
                testCase.clock.advance(step.gapMicros());
                long now = testCase.clock.micros();
                long permits = step.permits();
                if (testCase.limiter.tryAcquire(policy, "key", permits).allowed()) {
                    assertTrue(
                            permits == 0
                                    || policy.rateLimits().stream()
                                            .allMatch(limit -> log.mayGrant(limit, now, permits)),
                            "granted");
                    log.add(now, permits);
                } else {
                    assertTrue(
                            policy.rateLimits().stream().anyMatch(limit -> log.mayDeny(limit, now, permits)), "denied");
                }
            }
        }
    }

    /** Decisions equal those of {@link LimitState#carryOver} to the microsecond, also with clocks that differ. */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void decidesLikeTheCore(@ForAll(supplier = History.Wavering.class) History history) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(history.limits());
            @Nullable LimitState state = null;
            for (History.Step step : history.steps()) {
                testCase.advance(step.gapMicros(), policy, "key");
                long now = testCase.clock.micros();
                LimitState found = LimitState.carryOver(policy.rateLimits(), state, now);
                Decision expected = Decision.denied(found, step.permits(), now);
                if (step.permits() == 0) {
                    expected = Decision.allowed(found, now);
                } else if (found.admits(step.permits())) {
                    state = found.charge(step.permits());
                    expected = Decision.allowed(state, now);
                }
                Decision decision = testCase.limiter.tryAcquire(policy, "key", step.permits());
                assertEquals(expected, decision);
                long exact = expected.nextPermitMicros();
                long next = decision.nextPermitMicros();
                assertTrue(
                        next >= exact && next <= Math.max(exact, expected.resetAfterMicros()),
                        () -> "The next permit of " + decision + " comes in " + exact + " us.");
            }
        }
    }

    /** Decisions equal those of the memory backend, with peeks, refunds and resets in between. */
    @Property(edgeCases = EdgeCasesMode.NONE)
    default void decidesLikeTheMemoryBackend(@ForAll(supplier = History.Wavering.class) History history) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(history.limits());
            MemoryBackend memory = new MemoryBackend(testCase.clock, 1_000);
            for (History.Step step : history.steps()) {
                testCase.advance(step.gapMicros(), policy, "key");
                assertEquals(
                        memory.peek(policy, "key", step.permits()).join(),
                        testCase.limiter.peek(policy, "key", step.permits()));
                assertEquals(
                        memory.acquire(policy, "key", step.permits()).join(),
                        testCase.limiter.tryAcquire(policy, "key", step.permits()));
                if (step.permits() % 4 == 3) {
                    memory.refund(policy, "key", 2, LimitState.LATEST).join();
                    testCase.limiter.refund(policy, "key", 2);
                } else if (step.permits() == 11) {
                    memory.reset(policy, "key").join();
                    testCase.limiter.reset(policy, "key");
                }
            }
        }
    }
}
