package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** A state that is blocked for ten seconds, under a limit of which all permits are spent for a minute. */
class BlockedStateTest {

    private static final long SECOND = 1_000_000;
    private static final long NOW = 1_790_000_040_000_000L;
    private static final long END = NOW + 10 * SECOND;
    private static final List<Limit> LIMITS = Limit.parseAll("6/min; 100/h");

    private static LimitState state(long spent, long now) {
        LimitState fresh = LimitState.carryOver(LIMITS, null, NOW);
        return LimitState.carryOver(LIMITS, (spent == 0 ? fresh : fresh.charge(spent)).blockedUntil(END), now);
    }

    @Test
    void blockDeniesByAllLimitsUntilItsEnd() {
        LimitState blocked = state(0, NOW);
        assertFalse(blocked.admits(1));
        assertTrue(blocked.admits(0));
        assertEquals(0, blocked.remaining());
        assertEquals(LIMITS, blocked.deniedBy(1));
        assertEquals(List.of(), blocked.deniedBy(0));
        assertFalse(state(0, END - 1).admits(6));
        assertTrue(state(0, END).admits(6));
    }

    @Test
    void waitIsTheLongerOfBlockAndPermits() {
        assertEquals(10 * SECOND, state(0, NOW).retryAfter(6, NOW));
        assertEquals(10 * SECOND, state(1, NOW).retryAfter(6, NOW), "the permit is back after ten seconds too");
        assertEquals(20 * SECOND, state(2, NOW).retryAfter(6, NOW));
        assertEquals(10 * SECOND, state(2, NOW).retryAfter(5, NOW));
        assertEquals(LimitState.NEVER, state(0, NOW).retryAfter(7, NOW));
        assertEquals(4 * SECOND, state(0, NOW + 6 * SECOND).retryAfter(1, NOW + 6 * SECOND));
    }

    @Test
    void resetIsTheLaterOfBlockAndPermits() {
        assertEquals(10 * SECOND, state(0, NOW).resetAfter(NOW));
        assertEquals(10 * SECOND, state(0, NOW).expiresAfter(NOW));
        assertEquals(4 * SECOND, state(0, NOW + 6 * SECOND).resetAfter(NOW + 6 * SECOND));
        assertEquals(4 * SECOND, state(0, NOW + 6 * SECOND).expiresAfter(NOW + 6 * SECOND));
        LimitState spent = state(6, NOW);
        assertEquals(216 * SECOND, spent.resetAfter(NOW), "six permits of 100/h");
        assertEquals(216 * SECOND, spent.expiresAfter(NOW));
        assertEquals(
                LimitState.carryOver(LIMITS, spent.refund(5, LimitState.LATEST), END)
                        .remaining(),
                6);
    }

    @Test
    void joinOfWindowsKeepsTheLaterWindow() {
        Limit limit = Limit.parse("10/min fixed");
        LimitState earlier = limit.stateAt(null, NOW - 60 * SECOND).charge(9);
        LimitState later = limit.stateAt(null, NOW).charge(2);
        assertEquals(8, earlier.join(later).remaining());
        assertEquals(8, later.join(earlier).remaining());
        assertEquals(8, later.join(limit.stateAt(null, NOW).charge(1)).remaining());
        assertEquals(2, later.spentBeyond(limit.stateAt(null, NOW)));
    }

    @Test
    void joinOfSlidingWindowsKeepsTheLargerNumberOfEachSegment() {
        Limit limit = Limit.parse("10/64s sliding");
        LimitState earlier = limit.stateAt(null, NOW - 10 * SECOND).charge(3);
        LimitState later = limit.stateAt(null, NOW).charge(2);
        LimitState both = limit.stateAt(earlier, NOW).charge(1);
        assertEquals(5, earlier.join(later).remaining());
        assertEquals(5, later.join(earlier).remaining());
        assertEquals(5, both.join(later).remaining(), "one of two permits of the newest segment is in both");
        assertEquals(2, later.spentBeyond(limit.stateAt(null, NOW)));
    }
}
