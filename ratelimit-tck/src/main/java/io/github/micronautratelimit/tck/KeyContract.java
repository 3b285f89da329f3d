package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Any text is a key and any number is a cost. No client can use the state of another client or cause an error. */
interface KeyContract extends Contract {

    /** Keys that a store might confuse with each other or with its own syntax. */
    List<String> KEYS = List.of(
            "",
            " ",
            "  ",
            "\0",
            "\0\0",
            "\n",
            "\r\n",
            "\t",
            "key",
            "key ",
            " key",
            "KEY",
            "Key",
            "key\0",
            "\0key",
            "key\n",
            KeyHash.of("key"),
            KeyHash.of(KeyHash.of("key")),
            KeyHash.of("key").toUpperCase(Locale.ROOT),
            ":",
            "::",
            "{",
            "}",
            "{}",
            "{key}",
            "key:",
            ":key",
            "{key",
            "key}",
            "/",
            "//",
            "a/b",
            "a:b",
            "a",
            "b",
            "*",
            "?",
            "[a-z]",
            "%",
            "_",
            "$",
            "#",
            "\\",
            "\"",
            "'",
            "`",
            ";",
            ",",
            "|",
            "null",
            "0",
            "-1",
            "\u00e9",
            "e\u0301",
            "\u00df",
            "ss",
            "\u0130",
            "i",
            "\ufeff",
            "\u200b",
            "\ufffd",
            "?\ufffd",
            "\ud83d\ude00",
            "\ud83d\ude01",
            "\ud83d",
            "\ude00",
            "\ude00\ud83d",
            "\ud83e",
            "x\ud83d",
            "x\ud83e",
            "a".repeat(62),
            "a".repeat(63),
            "a".repeat(64),
            "a".repeat(65),
            "a".repeat(255),
            "a".repeat(256),
            "a".repeat(1 << 17),
            "a".repeat((1 << 17) - 1) + "b",
            "b" + "a".repeat((1 << 17) - 1));

    /** Each key has its own permits. */
    @ParameterizedTest
    @ValueSource(strings = {"2/day", "2/day sliding", "2/day fixed", "2/day; 3/day fixed"})
    default void everyTextIsADistinctKey(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            for (long left : new long[] {1, 0}) {
                for (String key : KEYS) {
                    assertEquals(left, testCase.limiter.tryAcquire(policy, key).remaining(), () -> shown(key));
                }
            }
            for (String key : KEYS) {
                assertFalse(testCase.limiter.tryAcquire(policy, key).allowed(), () -> shown(key));
            }
            testCase.limiter.reset(policy, "key");
            testCase.limiter.refund(policy, "{", 1);
            for (String key : KEYS) {
                long free = key.equals("key") ? 2 : key.equals("{") ? 1 : 0;
                assertEquals(free, testCase.status(policy, key).remaining(), () -> shown(key));
            }
        }
    }

    private static String shown(String key) {
        StringBuilder shown = new StringBuilder(key.length() + " units:");
        key.chars().limit(20).forEach(unit -> shown.append(' ').append(Integer.toHexString(unit)));
        return shown.toString();
    }

    /** The name of a policy and the key are not just concatenated, so different pairs never share state. */
    @Test
    default void nameAndKeyStaySeparate() {
        try (TestCase testCase = newTestCase()) {
            Policy base = testCase.policy("1/day");
            for (String separator : List.of(":", "/", "{", "}", "|", "#", "-")) {
                Policy longer = Policy.of(base.name() + separator + "a", base.rateLimits())
                        .withOnError(base.onError());
                assertTrue(testCase.limiter.tryAcquire(longer, "b").allowed(), separator);
                assertTrue(testCase.limiter.tryAcquire(base, separator + "ab").allowed(), separator);
                assertTrue(
                        testCase.limiter.tryAcquire(base, "a" + separator + "b").allowed(), separator);
                assertTrue(testCase.limiter.tryAcquire(longer, separator + "b").allowed(), separator);
            }
            Policy longer = Policy.of(base.name() + "a", base.rateLimits()).withOnError(base.onError());
            assertTrue(testCase.limiter.tryAcquire(longer, "b").allowed());
            assertTrue(testCase.limiter.tryAcquire(base, "ab").allowed());
        }
    }

    /** Policies with the longest and most unusual names do not share state either. */
    @Test
    default void everyPolicyNameIsDistinct() {
        try (TestCase testCase = newTestCase()) {
            Policy base = testCase.policy("1/day");
            String name = base.name() + "!#$%&'()*+,-./:;<=>?@[]^_`{|}~";
            int room = 200 - name.length();
            for (String each : List.of(
                    name,
                    name + "x".repeat(room),
                    name + "x".repeat(room - 1) + "y",
                    base.name() + "A",
                    base.name() + "a")) {
                Policy policy = Policy.of(each, base.rateLimits()).withOnError(base.onError());
                assertEquals(1, testCase.drain(policy, "key", 5), each);
            }
        }
    }

    /** 0 permits are always granted and free, the capacity is granted at once, and more is never granted. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "1/s",
                "5/s burst 20",
                "100/min sliding",
                "7/day fixed",
                "5/s; 100/h sliding",
                "9/day fixed; 30/min burst 8",
                "1000000000000/day",
                "1000000000000/min sliding",
                "1000000000000/366day fixed",
                "1/366day",
                "1000000/s"
            })
    default void everyCostIsAccepted(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            long capacity = policy.rateLimits().stream()
                    .mapToLong(Limit::capacity)
                    .min()
                    .orElseThrow();
            for (long more : new long[] {capacity + 1, Limit.MAX_PERMITS + 1, Long.MAX_VALUE}) {
                Decision denied = testCase.limiter.tryAcquire(policy, "key", more);
                assertEquals(
                        new GoldenTrace.Answer(false, capacity, LimitState.NEVER, 0), GoldenTrace.Answer.of(denied));
                assertTrue(policy.rateLimits().containsAll(denied.deniedBy())
                        && !denied.deniedBy().isEmpty());
            }
            assertEquals(
                    new GoldenTrace.Answer(true, capacity, 0, 0),
                    GoldenTrace.Answer.of(testCase.limiter.tryAcquire(policy, "key", 0)));
            assertEquals(
                    capacity - 1, testCase.limiter.tryAcquire(policy, "key", 1).remaining());
            testCase.limiter.refund(policy, "key", 1);
            assertEquals(0, testCase.limiter.tryAcquire(policy, "key", capacity).remaining());
            assertFalse(testCase.limiter.tryAcquire(policy, "key", 1).allowed());
            Decision nothing = testCase.limiter.tryAcquire(policy, "key", 0);
            assertTrue(nothing.allowed() && nothing.remaining() == 0, () -> "The request for 0 permits got " + nothing);
        }
    }

    /** A denial contains exactly the limits that denied, in the order of the policy. */
    @Test
    default void denialNamesTheDenyingLimits() {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy("5/s; 8/min sliding; 100/day fixed");
            List<Limit> limits = policy.rateLimits();
            testCase.limiter.tryAcquire(policy, "key", 5);
            assertEquals(
                    limits.subList(0, 1),
                    testCase.limiter.tryAcquire(policy, "key", 1).deniedBy());
            assertEquals(
                    limits.subList(0, 2),
                    testCase.limiter.tryAcquire(policy, "key", 4).deniedBy());
            assertEquals(limits, testCase.limiter.tryAcquire(policy, "key", 101).deniedBy());
            testCase.clock.advance(1_000_000);
            assertEquals(
                    limits.subList(1, 2),
                    testCase.limiter.tryAcquire(policy, "key", 4).deniedBy());
            assertEquals(
                    List.of(), testCase.limiter.tryAcquire(policy, "key", 3).deniedBy());
        }
    }
}
