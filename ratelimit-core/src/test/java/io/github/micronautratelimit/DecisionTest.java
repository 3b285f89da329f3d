package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import org.junit.jupiter.api.Test;

class DecisionTest {

    private static final Policy POLICY = Policy.of("write", "5/s");
    private static final Decision GRANTED = new Decision.Allowed(4, 200_000, Decision.Source.STORE);

    private static Decision denied(long retryAfterMicros) {
        return new Decision.Denied(0, retryAfterMicros, 1_000_000, POLICY.limits(), Decision.Source.STORE);
    }

    private static Decisions of(Decision... decisions) {
        List<Ask> asks = new ArrayList<>();
        for (int i = 0; i < decisions.length; i++) {
            asks.add(new Ask(POLICY, "key " + i, 1));
        }
        return new Decisions(asks, List.of(decisions));
    }

    @Test
    void aGrantHasNothingToWaitFor() {
        assertTrue(GRANTED.allowed());
        assertEquals(0, GRANTED.retryAfterMicros());
        assertEquals(Optional.empty(), GRANTED.retryAfter());
        assertEquals(List.of(), GRANTED.deniedBy());
    }

    @Test
    void aDenialSaysHowLongToWait() {
        assertFalse(denied(1_500_001).allowed());
        assertEquals(Optional.of(Duration.ofNanos(1_500_001_000)), denied(1_500_001).retryAfter());
        assertEquals(POLICY.limits(), denied(1).deniedBy());
    }

    @Test
    void whatCanNeverPassNamesNoTime() {
        assertEquals(Optional.empty(), denied(Decision.NEVER).retryAfter());
    }

    @Test
    void severalDecisionsAllowTogether() {
        assertTrue(of(GRANTED, GRANTED).allowed());
        assertEquals(0, of(GRANTED, GRANTED).retryAfterMicros());
        assertFalse(of(GRANTED, denied(7), denied(9), denied(8)).allowed());
        assertEquals(9, of(GRANTED, denied(7), denied(9), denied(8)).retryAfterMicros());
        assertEquals(Decision.NEVER, of(denied(7), denied(Decision.NEVER), denied(9)).retryAfterMicros());
    }

    @Test
    void anAskCostsNothingOrMore() {
        assertEquals(0, new Ask(POLICY, "", 0).permits());
        assertEquals("A request costs 0 or more permits, not -1.",
                assertThrows(IllegalArgumentException.class, () -> new Ask(POLICY, "key", -1)).getMessage());
    }

    @Test
    void theExceptionNamesThePoliciesThatDenied() {
        assertEquals("Rate limit exceeded: write, write.",
                new RateLimitExceededException(of(denied(1), GRANTED, denied(2))).getMessage());
        assertEquals(0, new RateLimitExceededException(of(denied(1))).getStackTrace().length);
    }
}
