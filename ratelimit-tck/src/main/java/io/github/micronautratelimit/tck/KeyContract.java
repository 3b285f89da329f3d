package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Locale;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;

/** Any text is a key, any cost a cost: whatever a client sends, it meets no other client's state and no error. */
interface KeyContract extends Contract {

    /** Keys that a store might take for one another, or for part of its own syntax. */
    List<String> KEYS = List.of(
            "", " ", "  ", "\0", "\0\0", "\n", "\r\n", "\t",
            "key", "key ", " key", "KEY", "Key", "key\0", "\0key", "key\n", KeyHash.of("key"),
            KeyHash.of(KeyHash.of("key")), KeyHash.of("key").toUpperCase(Locale.ROOT),
            ":", "::", "{", "}", "{}", "{key}", "key:", ":key", "{key", "key}", "/", "//", "a/b", "a:b", "a", "b",
            "*", "?", "[a-z]", "%", "_", "$", "#", "\\", "\"", "'", "`", ";", ",", "|", "null", "0", "-1",
            "\u00e9", "e\u0301", "\u00df", "ss", "\u0130", "i", "\ufeff", "\u200b", "\ufffd", "?\ufffd",
            "\ud83d\ude00", "\ud83d\ude01", "\ud83d", "\ude00", "\ude00\ud83d", "\ud83e", "x\ud83d", "x\ud83e",
            "a".repeat(62), "a".repeat(63), "a".repeat(64), "a".repeat(65), "a".repeat(255), "a".repeat(256),
            "a".repeat(1 << 20), "a".repeat((1 << 20) - 1) + "b", "b" + "a".repeat((1 << 20) - 1));

    /** Each key has permits of its own, all of them and no more. */
    @ParameterizedTest
    @ValueSource(strings = {"2/day", "2/day sliding", "2/day fixed", "2/day; 3/day fixed"})
    default void everyTextIsAKeyOfItsOwn(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            for (long left : new long[] {1, 0}) {
                for (String key : KEYS) {
                    assertEquals(left, trial.limiter.acquire(policy, key).remaining(), () -> shown(key));
                }
            }
            for (String key : KEYS) {
                assertFalse(trial.limiter.acquire(policy, key).allowed(), () -> shown(key));
            }
            trial.limiter.reset(policy, "key");
            trial.limiter.refund(policy, "{", 1);
            for (String key : KEYS) {
                long free = key.equals("key") ? 2 : key.equals("{") ? 1 : 0;
                assertEquals(free, trial.standing(policy, key).remaining(), () -> shown(key));
            }
        }
    }

    private static String shown(String key) {
        StringBuilder shown = new StringBuilder(key.length() + " units:");
        key.chars().limit(20).forEach(unit -> shown.append(' ').append(Integer.toHexString(unit)));
        return shown.toString();
    }

    /** A policy's name and a key are not simply joined: no other name and key come to the same. */
    @Test
    default void nameAndKeyAreNotMixedUp() {
        try (Trial trial = trial()) {
            Policy base = trial.policy("1/day");
            for (String separator : List.of(":", "/", "{", "}", "|", "#", "-")) {
                Policy longer = new Policy(base.name() + separator + "a", base.limits(), base.onError());
                assertTrue(trial.limiter.acquire(longer, "b").allowed(), separator);
                assertTrue(trial.limiter.acquire(base, separator + "ab").allowed(), separator);
                assertTrue(trial.limiter.acquire(base, "a" + separator + "b").allowed(), separator);
                assertTrue(trial.limiter.acquire(longer, separator + "b").allowed(), separator);
            }
            Policy longer = new Policy(base.name() + "a", base.limits(), base.onError());
            assertTrue(trial.limiter.acquire(longer, "b").allowed());
            assertTrue(trial.limiter.acquire(base, "ab").allowed());
        }
    }

    /** The longest and strangest names a policy can have are kept apart too. */
    @Test
    default void everyPolicyNameIsAName() {
        try (Trial trial = trial()) {
            Policy base = trial.policy("1/day");
            String name = base.name() + "!#$%&'()*+,-./:;<=>?@[]^_`{|}~";
            int room = 200 - name.length();
            for (String each : List.of(name, name + "x".repeat(room), name + "x".repeat(room - 1) + "y",
                    base.name() + "A", base.name() + "a")) {
                Policy policy = new Policy(each, base.limits(), base.onError());
                assertEquals(1, trial.drain(policy, "key", 5), each);
            }
        }
    }

    /** Nothing costs nothing and is always granted; all is granted at once; more than all never is. */
    @ParameterizedTest
    @ValueSource(strings = {
        "1/s", "5/s burst 20", "100/min sliding", "7/day fixed", "5/s; 100/h sliding", "9/day fixed; 30/min burst 8",
        "1000000000000/day", "1000000000000/min sliding", "1000000000000/366day fixed", "1/366day", "1000000/s"})
    default void everyCostIsACost(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            long capacity = policy.limits().stream().mapToLong(Limit::capacity).min().orElseThrow();
            for (long more : new long[] {capacity + 1, Limit.MAX_PERMITS + 1, Long.MAX_VALUE}) {
                Decision denied = trial.limiter.acquire(policy, "key", more);
                assertEquals(new GoldenTrace.Answer(false, capacity, Decision.NEVER, 0), GoldenTrace.Answer.of(denied));
                assertTrue(policy.limits().containsAll(denied.deniedBy()) && !denied.deniedBy().isEmpty());
            }
            assertEquals(new GoldenTrace.Answer(true, capacity, 0, 0),
                    GoldenTrace.Answer.of(trial.limiter.acquire(policy, "key", 0)));
            assertEquals(capacity - 1, trial.limiter.acquire(policy, "key", 1).remaining());
            trial.limiter.refund(policy, "key", 1);
            assertEquals(0, trial.limiter.acquire(policy, "key", capacity).remaining());
            assertFalse(trial.limiter.acquire(policy, "key", 1).allowed());
            Decision nothing = trial.limiter.acquire(policy, "key", 0);
            assertTrue(nothing.allowed() && nothing.remaining() == 0, () -> "Asking for nothing: " + nothing);
        }
    }

    /** A denial names the limits that denied, in the policy's order, and no other. */
    @Test
    default void aDenialNamesTheLimitsThatDenied() {
        try (Trial trial = trial()) {
            Policy policy = trial.policy("5/s; 8/min sliding; 100/day fixed");
            List<Limit> limits = policy.limits();
            trial.limiter.acquire(policy, "key", 5);
            assertEquals(limits.subList(0, 1), trial.limiter.acquire(policy, "key", 1).deniedBy());
            assertEquals(limits.subList(0, 2), trial.limiter.acquire(policy, "key", 4).deniedBy());
            assertEquals(limits, trial.limiter.acquire(policy, "key", 101).deniedBy());
            trial.clock.advance(1_000_000);
            assertEquals(limits.subList(1, 2), trial.limiter.acquire(policy, "key", 4).deniedBy());
            assertEquals(List.of(), trial.limiter.acquire(policy, "key", 3).deniedBy());
        }
    }
}
