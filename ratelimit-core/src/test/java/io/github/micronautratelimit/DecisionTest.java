package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class DecisionTest {

    private static final Policy POLICY = Policy.of("write", "5/s");
    private static final Policy READ = Policy.of("read", "9/s");
    private static final Decision ALLOWED = new Decision.Allowed(4, 200_000, Decision.Source.STORE);
    private static final Decision SKIPPED = new Decision.Skipped(Decision.Source.STORE);

    private static Decision denied(long retryAfterMicros) {
        return new Decision.Denied(0, retryAfterMicros, 1_000_000, POLICY.rateLimits(), Decision.Source.STORE);
    }

    private static Decisions of(Decision... decisions) {
        List<PermitRequest> requests = new ArrayList<>();
        for (int i = 0; i < decisions.length; i++) {
            requests.add(new PermitRequest(POLICY, "key " + i, 1));
        }
        return new Decisions(requests, List.of(decisions));
    }

    @Test
    void allowedDecisionHasNoTimeToWait() {
        assertTrue(ALLOWED.allowed());
        assertEquals(0, ALLOWED.retryAfterMicros());
        assertEquals(Optional.of(Duration.ZERO), ALLOWED.retryAfter());
        assertEquals(List.of(), ALLOWED.deniedBy());
    }

    /** Takes single permits at one instant. The times are those until one more is free than remains. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "10/s; 1000/h sliding  | 1  | 9   | 100000",
                "10/s; 1000/h sliding  | 10 | 0   | 100000",
                "3/min                 | 1  | 2   | 20000000",
                "3/min                 | 2  | 1   | 20000000",
                "10/s burst 50         | 1  | 49  | 100000",
                "5/10s fixed           | 2  | 3   | 10000000",
                "10/s; 5/10s fixed     | 2  | 3   | 10000000",
                "64/64s sliding        | 3  | 61  | 65000000",
                "64/64s sliding; 3/min | 3  | 0   | 20000000",
                "2/s; 2/min fixed      | 2  | 0   | 60000000"
            })
    void nextPermitIsThatOfTheLimitWithTheFewestPermits(String limits, int requests, long remaining, long next) {
        Policy policy = Policy.of("p", limits);
        try (RateLimiter limiter =
                RateLimiter.builder(new MemoryBackend(() -> 0, 100)).build()) {
            assertEquals(0, limiter.peek(policy, "key", 0).nextPermitMicros(), "all are free");
            Decision last = ALLOWED;
            for (int i = 0; i < requests; i++) {
                last = limiter.tryAcquire(policy, "key");
            }
            assertTrue(last.allowed());
            assertEquals(remaining, last.remaining());
            assertEquals(next, last.nextPermitMicros());
            assertEquals(next, limiter.peek(policy, "key", 0).nextPermitMicros());
        }
    }

    @Test
    void equalityIgnoresTheNextPermitAndTheTime() {
        Decision.Allowed exact = new Decision.Allowed(4, 200_000, Decision.Source.STORE, 7, 9);
        assertEquals(ALLOWED, exact);
        assertEquals(ALLOWED.hashCode(), exact.hashCode());
        assertEquals(200_000, ALLOWED.nextPermitMicros());
        assertNotEquals(ALLOWED, new Decision.Allowed(5, 200_000, Decision.Source.STORE));
        assertNotEquals(ALLOWED, new Decision.Allowed(4, 200_001, Decision.Source.STORE));
        assertNotEquals(ALLOWED, new Decision.Allowed(4, 200_000, Decision.Source.PREFETCHED));
    }

    @Test
    void denialHasTheTimeToWait() {
        assertFalse(denied(1_500_001).allowed());
        assertEquals(
                Optional.of(Duration.ofNanos(1_500_001_000)), denied(1_500_001).retryAfter());
        assertEquals(POLICY.rateLimits(), denied(1).deniedBy());
    }

    @Test
    void denialThatCanNeverPassHasNoTimeToWait() {
        assertEquals(Optional.empty(), denied(LimitState.NEVER).retryAfter());
        assertEquals(Optional.empty(), of(denied(7), denied(LimitState.NEVER)).retryAfter());
    }

    @ParameterizedTest
    @EnumSource(Decision.Source.class)
    void skippedRequestIsNotAllowedAndKnowsNothingOfItsKey(Decision.Source source) {
        Decision skipped = new Decision.Skipped(source);
        assertFalse(skipped.allowed());
        assertEquals(0, skipped.remaining());
        assertEquals(0, skipped.retryAfterMicros());
        assertEquals(Optional.of(Duration.ZERO), skipped.retryAfter());
        assertEquals(0, skipped.resetAfterMicros());
        assertEquals(List.of(), skipped.deniedBy());
        assertEquals(source, skipped.source());
    }

    @Test
    void decisionsAllowIfEachDecisionAllows() {
        assertTrue(of(ALLOWED, ALLOWED).allowed());
        assertEquals(0, of(ALLOWED, ALLOWED).retryAfterMicros());
        assertEquals(Optional.of(Duration.ZERO), of(ALLOWED, ALLOWED).retryAfter());
        assertFalse(of(ALLOWED, denied(7), denied(9), denied(8)).allowed());
        assertEquals(9, of(ALLOWED, denied(7), denied(9), denied(8)).retryAfterMicros());
        assertEquals(
                Optional.of(Duration.ofNanos(9_000)),
                of(SKIPPED, denied(7), denied(9), SKIPPED).retryAfter());
        assertEquals(
                LimitState.NEVER,
                of(denied(7), denied(LimitState.NEVER), denied(9)).retryAfterMicros());
    }

    @Test
    void decisionsHaveOneDecisionPerRequest() {
        List<PermitRequest> one = List.of(new PermitRequest(POLICY, "key", 1));
        for (List<Decision> wrong : List.of(List.<Decision>of(), List.of(ALLOWED, ALLOWED))) {
            assertEquals(
                    "There are " + wrong.size()
                            + " decisions on 1 requests; a backend must return one decision per request.",
                    assertThrows(IllegalArgumentException.class, () -> new Decisions(one, wrong))
                            .getMessage());
        }
    }

    @Test
    void decisionsOfTwoStagesAreAppended() {
        Decisions both = of(ALLOWED).and(of(denied(7), SKIPPED));
        assertEquals(List.of(ALLOWED, denied(7), SKIPPED), both.list());
        assertEquals(
                List.of("key 0", "key 0", "key 1"),
                both.requests().stream().map(PermitRequest::key).toList());
        assertFalse(both.allowed());
    }

    @Test
    void requestCostsZeroPermitsOrMore() {
        assertEquals(0, new PermitRequest(POLICY, "", 0).permits());
        assertEquals(
                "A request costs -1 permits; it must cost 0 or more.",
                assertThrows(IllegalArgumentException.class, () -> new PermitRequest(POLICY, "key", -1))
                        .getMessage());
    }

    @Test
    void exceptionNamesThePoliciesThatDenied() {
        assertEquals(
                "Rate limit exceeded: write, write.",
                new RateLimitExceededException(of(denied(1), ALLOWED, SKIPPED, denied(2))).getMessage());
        assertEquals(0, new RateLimitExceededException(of(denied(1))).getStackTrace().length);
    }

    @Test
    void exceptionNeedsADenial() {
        for (Decision other : List.of(ALLOWED, SKIPPED)) {
            assertEquals(
                    "No decision is a denial; only denials exceed a rate limit.",
                    assertThrows(IllegalArgumentException.class, () -> new RateLimitExceededException(of(other)))
                            .getMessage());
        }
    }

    @Test
    void exceptionHasThePolicyWithTheLongestTimeToWait() {
        List<PermitRequest> requests = List.of(
                new PermitRequest(READ, "a", 1), new PermitRequest(POLICY, "b", 1), new PermitRequest(READ, "c", 1));
        RateLimitExceededException second =
                new RateLimitExceededException(new Decisions(requests, List.of(denied(7), denied(9), SKIPPED)));
        assertSame(POLICY, second.policy());
        assertEquals(Optional.of(Duration.ofNanos(9_000)), second.retryAfter());

        RateLimitExceededException first = new RateLimitExceededException(
                new Decisions(requests, List.of(denied(LimitState.NEVER), denied(9), ALLOWED)));
        assertSame(READ, first.policy());
        assertEquals(Optional.empty(), first.retryAfter());

        RateLimitExceededException only =
                new RateLimitExceededException(new Decisions(requests, List.of(ALLOWED, denied(0), SKIPPED)));
        assertSame(POLICY, only.policy(), "a denial without a time to wait");
    }
}
