package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyTest {

    private static final Policy POLICY = Policy.of("p", "10/min; 5 concurrent");
    private static final Policy SLOTS = Policy.of("slots", "5 concurrent");
    private static final List<Limit> THREE = Limit.parseAll("3/s");

    private static void assertRejected(String message, Executable making) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, making).getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "write", "a:b{c}/d", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "0"})
    void visibleAsciiIsAName(String name) {
        assertEquals(name, Policy.of(name, "1/s").name());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "a b", "a\"b", "a\\b", "\u00e9", "a\n", "\u007f", "\0"})
    void otherTextIsNotAName(String name) {
        assertRejected(
                "The policy name \"" + name + "\" is not 1 to 200 visible ASCII characters without quotation mark"
                        + " and backslash; write a name like \"write\".",
                () -> Policy.of(name, "1/s"));
    }

    @Test
    void nameHasAtMost200Characters() {
        assertEquals(200, Policy.of("n".repeat(200), "1/s").name().length());
        assertThrows(IllegalArgumentException.class, () -> Policy.of("n".repeat(201), "1/s"));
    }

    @Test
    void policyHasOneOrMoreDifferentLimits() {
        assertRejected(
                "The policy \"none\" has no limits; give it at least one, like \"100/min\".",
                () -> Policy.of("none", List.of()));
        assertRejected(
                "The policy \"twice\" lists the same limit twice: [1/min, 2/s, 1/min]; write it once.",
                () -> Policy.of("twice", "1/min; 2/s; 1/60s burst 1"));
        assertEquals(
                4,
                Policy.of("kinds", "1/min; 1/min burst 2; 1/min sliding; 1/min fixed")
                        .rateLimits()
                        .size());
    }

    private static List<Limit> limits(int number) {
        return Limit.parseAll(IntStream.rangeClosed(1, number)
                .mapToObj(hours -> "9/" + hours + "h" + (hours % 2 == 0 ? " sliding" : ""))
                .collect(Collectors.joining("; ")));
    }

    @Test
    void numberOfLimitsIsBounded() {
        Policy most = Policy.of("most", limits(16));
        assertEquals(16, most.withLocalLimits(limits(16)).rateLimits().size());
        for (int number : new int[] {17, 100}) {
            String tooMany = " which would be checked in one step while other requests wait; write at most 16.";
            assertRejected(
                    "The policy \"p\" has " + number + " limits," + tooMany, () -> Policy.of("p", limits(number)));
            assertRejected(
                    "The policy \"most\" has " + number + " limits," + tooMany, () -> most.withLimits(limits(number)));
            assertRejected(
                    "The policy \"most\" has " + number + " local limits," + tooMany,
                    () -> most.withLocalLimits(limits(number)));
        }
    }

    @Test
    void defaultsAreLocalFallbackAndNoOptions() {
        Policy policy = Policy.of("a", "1/s");
        assertEquals(OnError.LOCAL, policy.onError());
        assertNull(policy.deadline());
        assertNull(policy.concurrency());
        assertEquals(List.of(), policy.localLimits());
        assertEquals(0, policy.maxPrefetch());
    }

    @Test
    void eachWitherChangesItsPropertyAndNoOther() {
        Policy all = POLICY.withOnError(OnError.CLOSED)
                .withDeadline(Duration.ofMillis(7))
                .withLocalLimits(THREE)
                .withMaxPrefetch(9);
        assertEquals("p", all.name());
        assertEquals(Limit.parseAll("10/min"), all.rateLimits());
        assertEquals(new ConcurrencyLimit(5), all.concurrency());
        assertEquals(OnError.CLOSED, all.onError());
        assertEquals(Duration.ofMillis(7), all.deadline());
        assertEquals(THREE, all.localLimits());
        assertEquals(9, all.maxPrefetch());

        assertEquals(OnError.OPEN, all.withOnError(OnError.OPEN).onError());
        assertEquals(all, all.withOnError(OnError.OPEN).withOnError(OnError.CLOSED));
        assertNull(all.withDeadline(null).deadline());
        assertEquals(all, all.withDeadline(Duration.ZERO).withDeadline(Duration.ofMillis(7)));
        assertEquals(List.of(), all.withLocalLimits(List.of()).localLimits());
        assertEquals(all, all.withLocalLimits(List.of()).withLocalLimits(THREE));
        assertEquals(all, all.withMaxPrefetch(0).withMaxPrefetch(9));
        assertEquals(THREE, all.withLimits(THREE).rateLimits());
        assertEquals(all, all.withLimits(THREE).withLimits(Limit.parseAll("10/min")));
        assertEquals(
                all,
                POLICY.withMaxPrefetch(9)
                        .withLocalLimits(THREE)
                        .withDeadline(Duration.ofMillis(7))
                        .withOnError(OnError.CLOSED));
    }

    @Test
    void limitsOfAKindThatIsMissingStay() {
        assertEquals(Policy.of("p", "20/min; 5 concurrent"), POLICY.withLimits(LimitSet.parse("20/min")));
        assertEquals(Policy.of("p", "10/min; 6 concurrent"), POLICY.withLimits(LimitSet.parse("6 concurrent")));
        assertEquals(Policy.of("p", "20/min; 6 concurrent"), POLICY.withLimits(LimitSet.parse("20/min; 6 concurrent")));
    }

    @Test
    void policyWithBothKindsOfLimitsSplitsInTwo() {
        assertEquals(Policy.of("p", "10/min"), POLICY.rateLimitsOnly());
        assertEquals(Policy.of("p", "5 concurrent"), POLICY.concurrencyOnly());
        Policy rates = Policy.of("p", "10/min");
        assertSame(rates, rates.rateLimitsOnly());
        assertSame(SLOTS, SLOTS.concurrencyOnly());
        assertThrows(IllegalArgumentException.class, SLOTS::rateLimitsOnly);
        assertThrows(IllegalArgumentException.class, rates::concurrencyOnly);
        assertEquals(
                Duration.ZERO,
                POLICY.withDeadline(Duration.ZERO).concurrencyOnly().deadline());
        assertEquals(
                OnError.OPEN, POLICY.withOnError(OnError.OPEN).concurrencyOnly().onError());
    }

    @Test
    void capacityIsTheSmallestOfTheRateLimitsOrTheSlots() {
        assertEquals(3, Policy.of("p", "10/min; 3/s; 7/h sliding").capacity());
        assertEquals(10, POLICY.capacity());
        assertEquals(5, SLOTS.capacity());
    }

    @Test
    void concurrencyLimitCanBeRequired() {
        assertEquals(new ConcurrencyLimit(5), POLICY.requireConcurrency());
        assertRejected(
                "The policy \"p\" has no concurrency limit; add one, like \"5 concurrent\".",
                () -> Policy.of("p", "1/s").requireConcurrency());
    }

    @Test
    void policiesAreEqualIfAllPropertiesAre() {
        List<Policy> different = new ArrayList<>(List.of(
                POLICY,
                Policy.of("q", "10/min; 5 concurrent"),
                Policy.of("p", "11/min; 5 concurrent"),
                Policy.of("p", "10/min; 6 concurrent"),
                Policy.of("p", "10/min"),
                Policy.of("p", "5 concurrent"),
                POLICY.withOnError(OnError.OPEN),
                POLICY.withDeadline(Duration.ofMillis(1)),
                POLICY.withDeadline(Duration.ZERO),
                POLICY.withLocalLimits(THREE),
                POLICY.withMaxPrefetch(1)));
        for (int i = 0; i < different.size(); i++) {
            for (int j = 0; j < different.size(); j++) {
                if (i != j) {
                    assertNotEquals(different.get(i), different.get(j));
                }
            }
        }
        Policy same = Policy.of("p", "10/60s; 5 concurrent lease 30s");
        assertEquals(POLICY, same);
        assertEquals(POLICY.hashCode(), same.hashCode());
        assertNotEquals(POLICY, null);
        assertNotEquals(POLICY, "p");
    }

    @Test
    void textShowsTheNameAndTheLimits() {
        assertEquals("Policy[p: 10/min; 5 concurrent]", POLICY.toString());
    }

    @Test
    void deadlineIsZeroOrOneMillisecondOrMore() {
        assertEquals(
                Duration.ofMillis(1), POLICY.withDeadline(Duration.ofMillis(1)).deadline());
        assertEquals(Duration.ZERO, POLICY.withDeadline(Duration.ZERO).deadline());
        for (Duration wrong : List.of(Duration.ofNanos(999_999), Duration.ofMillis(-1), Duration.ofNanos(1))) {
            assertRejected(
                    "The deadline of the policy \"p\" is " + wrong
                            + "; write 1ms or more, or 0 to never wait for the store.",
                    () -> POLICY.withDeadline(wrong));
        }
    }

    @Test
    void optionsOfRateLimitsNeedRateLimits() {
        assertRejected(
                "The policy \"slots\" has only the limit 5 concurrent, which has no permits to prefetch; remove the "
                        + "prefetch of 7.",
                () -> SLOTS.withMaxPrefetch(7));
        assertRejected(
                "The policy \"slots\" has only the limit 5 concurrent, to which the local limit [3/s] does not apply; "
                        + "remove it.",
                () -> SLOTS.withLocalLimits(THREE));
        assertRejected(
                "The policy \"p\" lists the same local limit twice: [3/s, 3/s]; write it once.",
                () -> POLICY.withLocalLimits(Limit.parseAll("3/s; 3/s")));
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 1_000_001})
    void prefetchIsZeroToOneMillionPermits(long permits) {
        assertRejected(
                "The prefetch of the policy \"p\" is " + permits + " permits; write 0 to 1000000.",
                () -> POLICY.withMaxPrefetch(permits));
        assertEquals(1_000_000, POLICY.withMaxPrefetch(Policy.MAX_PREFETCH).maxPrefetch());
    }
}
