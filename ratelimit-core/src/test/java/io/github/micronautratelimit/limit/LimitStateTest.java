package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** States under changed limits, and when a state can be removed. */
class LimitStateTest {

    private static final long NOW = 1_790_000_000_123_456L;

    private static LimitState fresh(String limits) {
        return LimitState.carryOver(Limit.parseAll(limits), null, NOW);
    }

    /** 8 permits are taken under the first limits. Three seconds later the second limits have the expected permits. */
    @ParameterizedTest(name = "{0} -> {1}: {2}")
    @CsvSource({
        // a bucket of the same period first, in any order
        "10/10s; 10/min, 10/min; 10/10s, '2, 5'",
        "10/min; 10/10s, 10/10s; 10/min, '5, 2'",
        // otherwise any remaining bucket
        "10/10s; 10/min, 10/h; 10/10s, '2, 5'",
        "10/min, 20/h, '12'",
        // each state continues in one limit, the other limits start full
        "10/min, 10/min; 10/h, '2, 10'",
        "10/min, 10/h; 10/min, '10, 2'",
        "10/min; 10/h, 10/min; 10/h; 10/day, '2, 2, 10'",
        // windows continue only in their own kind and period
        "10/min sliding, 10/min; 10/min fixed; 10/h sliding; 12/min sliding, '10, 10, 10, 4'",
        "10/h fixed, 10/min; 10/min fixed; 10/h sliding; 12/h fixed, '10, 10, 10, 4'",
        "10/h fixed; 10/min sliding, 9/min sliding; 8/h fixed, '1, 0'"
    })
    void eachLimitContinuesFromTheStateOfItsKind(String before, String after, String remaining) {
        LimitState state =
                LimitState.carryOver(Limit.parseAll(after), fresh(before).charge(8), NOW + 3_000_000);
        assertEquals(
                List.of(remaining.split(", ")),
                state.parts().stream()
                        .map(part -> Long.toString(part.remaining()))
                        .toList());
    }

    @Test
    void stateIsBlankWhenAllPermitsAreFree() {
        for (String limits : List.of("5/s", "5/s sliding", "5/s fixed", "5/s; 6/s fixed")) {
            assertTrue(fresh(limits).isBlank(NOW));
            LimitState spent = fresh(limits).charge(3);
            long reset = spent.resetAfter(NOW);
            assertTrue(reset > 0 && !spent.isBlank(NOW + reset - 1) && spent.isBlank(NOW + reset), limits);
        }
    }

    @Test
    void bucketDebtSurvivesAChangeBetweenTheFinestAndTheCoarsestUnits() {
        List<Limit> fine = Limit.parseAll("999983/366day burst 100000");
        LimitState spent = LimitState.carryOver(fine, null, NOW).charge(100_000);
        LimitState coarse = LimitState.carryOver(Limit.parseAll("1000000/s burst 100000"), spent, NOW);
        assertEquals(0, coarse.remaining());
        assertEquals(1, coarse.retryAfter(1, NOW));
        assertEquals(0, LimitState.carryOver(fine, coarse, NOW).remaining());
        LimitState huge = fresh("1000000000000/s").charge(1_000_000_000_000L);
        LimitState slow = LimitState.carryOver(Limit.parseAll("1/366day"), huge, NOW);
        assertEquals(0, slow.remaining());
        assertTrue(slow.retryAfter(1, NOW) > 0);
    }

    @Test
    void permitsSpentBeyondAnotherStateAreTheLargestNumber() {
        List<Limit> limits = Limit.parseAll("10/s; 100/day sliding; 100/h fixed");
        LimitState empty = LimitState.carryOver(limits, null, NOW);
        assertEquals(0, empty.spentBeyond(empty));
        assertEquals(4, empty.charge(4).spentBeyond(empty));
        assertEquals(0, empty.spentBeyond(empty.charge(4)));
        LimitState spent = LimitState.carryOver(limits, empty.charge(9), NOW + 1_000_000);
        LimitState more = LimitState.carryOver(limits, spent.charge(9), NOW + 2_000_000);
        assertEquals(18, more.spentBeyond(LimitState.carryOver(limits, null, NOW + 2_000_000)), "18 of the day's 100");
        assertEquals(9, more.spentBeyond(LimitState.carryOver(limits, spent, NOW + 2_000_000)));
    }

    @Test
    void partOfAPermitCountsAsOne() {
        List<Limit> limits = Limit.parseAll("1/s burst 10");
        LimitState base = LimitState.carryOver(limits, null, NOW).charge(5);
        LimitState more = base.charge(3);
        assertEquals(3, more.spentBeyond(base));
        assertEquals(
                2,
                LimitState.carryOver(limits, more, NOW + 6_500_000)
                        .spentBeyond(LimitState.carryOver(limits, base, NOW + 6_500_000)),
                "the others have come back, and 1.5 permits of these three");
    }
}
