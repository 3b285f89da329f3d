package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.DecisionCounts;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Limits that are tried before they are enforced: policies in shadow mode, and candidates beside enforced limits. */
interface TrialContract extends Contract {

    /** A policy in shadow mode decides as if it were enforced, and denies no request. */
    @AllLimitKinds
    default void shadowDecidesAndDeniesNothing(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy shadow = testCase.policy(limits).withShadow(true);
            List<Decision> real = new ArrayList<>();
            DecisionCounts counts = testCase.limiter.counts();
            for (int i = 0; i < 120; i++) {
                Decision decision = testCase.limiter.tryAcquire(shadow, "key", 1);
                assertTrue(decision.allowed());
                real.add(assertInstanceOf(Decision.Shadowed.class, decision)
                        .decision()
                        .toCompletableFuture()
                        .join());
            }
            for (int i = 0; i < real.size(); i++) {
                assertEquals(i < 100, real.get(i).allowed(), "request " + i);
            }
            assertEquals(0, testCase.status(shadow, "key").remaining());
            assertEquals(
                    100, sum(counts, series -> series.shadow() && series.allowed(), DecisionCounts.Series::decisions));
            assertEquals(
                    20, sum(counts, series -> series.shadow() && !series.allowed(), DecisionCounts.Series::decisions));
            assertEquals(0, sum(counts, series -> !series.shadow(), DecisionCounts.Series::decisions));
        }
    }

    /** A request that an enforced policy denies is not charged to the policy in shadow mode. */
    @Test
    default void deniedRequestIsNotChargedToShadow() {
        try (TestCase testCase = newTestCase()) {
            Policy shadow = testCase.policy("100/min").withShadow(true);
            Policy narrow = testCase.policy("5/min");
            for (int i = 0; i < 20; i++) {
                List<PermitRequest> requests =
                        List.of(new PermitRequest(shadow, "key", 2), new PermitRequest(narrow, "key", 1));
                List<Decision> decisions =
                        testCase.limiter.tryAcquireAll(requests).list();
                assertEquals(i < 5, decisions.get(1).allowed());
                if (i < 5) {
                    assertInstanceOf(Decision.Shadowed.class, decisions.get(0))
                            .decision()
                            .toCompletableFuture()
                            .join();
                } else {
                    assertInstanceOf(Decision.Skipped.class, decisions.get(0));
                }
            }
            assertEquals(90, testCase.status(shadow, "key").remaining());
        }
    }

    /** A request that is given back is given back to the policy in shadow mode too. */
    @Test
    default void shadowChargeIsRefunded() {
        try (TestCase testCase = newTestCase()) {
            Policy shadow = testCase.policy("10/min").withShadow(true);
            Decisions decisions = testCase.limiter.tryAcquireAll(List.of(new PermitRequest(shadow, "key", 4)));
            testCase.limiter.async().refund(decisions).toCompletableFuture().join();
            FaultCase.await(
                    "the permits are back", () -> testCase.status(shadow, "key").remaining() == 10);
        }
    }

    /** The limits of a candidate decide on counters of their own, and only the limits of the policy are enforced. */
    @AllLimitKinds
    default void candidateIsComparedAndNotEnforced(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits).withCandidate(Limit.parseAll("30/min"));
            DecisionCounts counts = testCase.limiter.counts();
            for (int i = 0; i < 120; i++) {
                assertEquals(
                        i < 100, testCase.limiter.tryAcquire(policy, "key", 1).allowed(), "request " + i);
            }
            Predicate<DecisionCounts.Series> allowed = DecisionCounts.Series::allowed;
            FaultCase.await(
                    "all are compared",
                    () -> sum(
                                    counts,
                                    series -> true,
                                    series -> series.allowedByCandidate() + series.deniedByCandidate())
                            == 120);
            assertEquals(30, sum(counts, allowed, DecisionCounts.Series::allowedByCandidate));
            assertEquals(70, sum(counts, allowed, DecisionCounts.Series::deniedByCandidate));
            assertEquals(0, sum(counts, allowed.negate(), DecisionCounts.Series::allowedByCandidate));
            assertEquals(20, sum(counts, allowed.negate(), DecisionCounts.Series::deniedByCandidate));
        }
    }

    /** A looser candidate shows how many denials it would spare. */
    @Test
    default void looserCandidateAllowsMore() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("3/min").withCandidate(Limit.parseAll("5/min"));
            DecisionCounts counts = testCase.limiter.counts();
            for (int i = 0; i < 7; i++) {
                assertEquals(
                        i < 3, testCase.limiter.tryAcquire(policy, "key", 1).allowed());
            }
            Predicate<DecisionCounts.Series> denied = series -> !series.allowed();
            FaultCase.await(
                    "all are compared",
                    () -> sum(counts, denied, series -> series.allowedByCandidate() + series.deniedByCandidate()) == 4);
            assertEquals(2, sum(counts, denied, DecisionCounts.Series::allowedByCandidate));
            assertEquals(2, sum(counts, denied, DecisionCounts.Series::deniedByCandidate));
        }
    }

    /** A request that another policy denies is charged to no candidate. */
    @Test
    default void deniedRequestIsNotChargedToCandidate() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("100/min").withCandidate(Limit.parseAll("50/min"));
            Policy narrow = testCase.policy("5/min");
            for (int i = 0; i < 20; i++) {
                boolean allowed = testCase.limiter
                        .tryAcquireAll(
                                List.of(new PermitRequest(policy, "key", 1), new PermitRequest(narrow, "key", 1)))
                        .allowed();
                assertEquals(i < 5, allowed);
            }
            Policy candidate = Objects.requireNonNull(policy.candidate());
            FaultCase.await(
                    "the permits of denied requests are back",
                    () -> testCase.status(candidate, "key").remaining() == 45);
        }
    }

    /** A candidate that becomes the limit finds the permits that the policy has granted. */
    @ParameterizedTest(name = "[{0}]")
    @ValueSource(strings = {"", " sliding", " fixed"})
    default void promotedCandidateKeepsCounts(String kind) {
        try (TestCase testCase = newTestCase()) {
            Policy before = testCase.policy("100/min" + kind).withCandidate(Limit.parseAll("50/min" + kind));
            for (int i = 0; i < 40; i++) {
                assertTrue(testCase.limiter.tryAcquire(before, "key", 1).allowed());
            }
            assertEquals(10, testCase.drain(TestCase.changed(before, "50/min" + kind), "key", 100));
        }
    }

    private static long sum(
            DecisionCounts counts,
            Predicate<DecisionCounts.Series> which,
            ToLongFunction<DecisionCounts.Series> value) {
        return counts.all().stream().filter(which).mapToLong(value).sum();
    }
}
