package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyTest {

    private static final long NOW = 1_790_000_000_123_456L;

    @ParameterizedTest
    @ValueSource(strings = {"a", "write", "a:b{c}/d", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "0"})
    void visibleAsciiIsAName(String name) {
        assertEquals(name, Policy.of(name, "1/s").name());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "a b", "a\"b", "a\\b", "\u00e9", "a\n", "\u007f", "\0"})
    void anythingElseIsNone(String name) {
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> Policy.of(name, "1/s"));
        assertEquals("The policy name \"" + name + "\" is not 1 to 200 visible ASCII characters without quotation mark"
                + " and backslash; write a name like \"write\".", refused.getMessage());
    }

    @Test
    void aNameHasAtMost200Characters() {
        assertEquals(200, Policy.of("n".repeat(200), "1/s").name().length());
        assertThrows(IllegalArgumentException.class, () -> Policy.of("n".repeat(201), "1/s"));
    }

    @Test
    void aPolicyHasDifferentLimits() {
        IllegalArgumentException none = assertThrows(IllegalArgumentException.class,
                () -> new Policy("none", List.of(), OnError.OPEN));
        assertEquals("The policy \"none\" has no limits; give it at least one, like \"100/min\".", none.getMessage());
        IllegalArgumentException twice = assertThrows(IllegalArgumentException.class,
                () -> Policy.of("twice", "1/min; 2/s; 1/60s burst 1"));
        assertEquals("The policy \"twice\" lists the same limit twice: [1/min, 2/s, 1/min]; write it once.",
                twice.getMessage());
        assertEquals(4, Policy.of("kinds", "1/min; 1/min burst 2; 1/min sliding; 1/min fixed").limits().size());
    }

    @Test
    void onErrorIsLocalUnlessSaidOtherwise() {
        assertEquals(OnError.LOCAL, Policy.of("a", "1/s").onError());
        assertEquals(OnError.CLOSED, new Policy("a", Limit.parseAll("1/s"), OnError.CLOSED).onError());
    }

    /** 8 permits are taken under the first limits; three seconds later so many are free under the second. */
    @ParameterizedTest(name = "{0} -> {1}: {2}")
    @CsvSource({
        // a bucket of the same period first, whatever its place
        "10/10s; 10/min, 10/min; 10/10s, '2, 5'",
        "10/min; 10/10s, 10/10s; 10/min, '5, 2'",
        // else any bucket that is left over
        "10/10s; 10/min, 10/h; 10/10s, '2, 5'",
        "10/min, 20/h, '12'",
        // each state serves one limit, the others start afresh
        "10/min, 10/min; 10/h, '2, 10'",
        "10/min, 10/h; 10/min, '10, 2'",
        "10/min; 10/h, 10/min; 10/h; 10/day, '2, 2, 10'",
        // windows carry over to their own kind and period only
        "10/min sliding, 10/min; 10/min fixed; 10/h sliding; 12/min sliding, '10, 10, 10, 4'",
        "10/h fixed, 10/min; 10/min fixed; 10/h sliding; 12/h fixed, '10, 10, 10, 4'",
        "10/h fixed; 10/min sliding, 9/min sliding; 8/h fixed, '1, 0'"})
    void eachLimitCarriesOnFromItsOwn(String before, String after, String remaining) {
        Policy first = Policy.of("p", before);
        LimitState spent = first.stateAt(null, NOW).charge(8);
        Policy second = Policy.of("p", after);
        LimitState state = second.stateAt(spent, NOW + 3_000_000);
        assertEquals(List.of(remaining.split(", ")),
                state.parts().stream().map(part -> Long.toString(part.remaining())).toList());
    }

    @Test
    void aStateThatSaysNothingIsBlank() {
        for (String limits : List.of("5/s", "5/s sliding", "5/s fixed", "5/s; 6/s fixed")) {
            LimitState fresh = Policy.of("p", limits).stateAt(null, NOW);
            assertTrue(fresh.isBlank(NOW));
            LimitState spent = fresh.charge(3);
            long reset = spent.resetAfter(NOW);
            assertTrue(reset > 0 && !spent.isBlank(NOW + reset - 1) && spent.isBlank(NOW + reset), limits);
        }
    }

    @Test
    void anOwedBucketSurvivesTheFinestAndTheCoarsestUnits() {
        LimitState fine = Policy.of("p", "999983/366day burst 100000").stateAt(null, NOW).charge(100_000);
        LimitState coarse = Policy.of("p", "1000000/s burst 100000").stateAt(fine, NOW);
        assertEquals(0, coarse.remaining());
        assertEquals(1, coarse.retryAfter(1, NOW));
        assertEquals(0, Policy.of("p", "999983/366day burst 100000").stateAt(coarse, NOW).remaining());
        LimitState huge = Policy.of("p", "1000000000000/s").stateAt(null, NOW).charge(1_000_000_000_000L);
        LimitState slow = Policy.of("p", "1/366day").stateAt(huge, NOW);
        assertEquals(0, slow.remaining());
        assertTrue(slow.retryAfter(1, NOW) > 0);
    }
}
