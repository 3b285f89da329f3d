package io.github.micronautratelimit.servlet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The builder rejects limits that can limit nothing, or everything. */
class RateLimitFilterBuilderTest {

    private static final Policy TWO = Policy.of("two", "2/h");

    private final RateLimiter limiter = RateLimiter.inMemory();

    @AfterEach
    void close() {
        limiter.close();
    }

    private RateLimitFilterBuilder builder() {
        return RateLimitFilter.of(limiter);
    }

    @ParameterizedTest
    @ValueSource(strings = {"PSOT", "GET POST", "*", "ALL"})
    void unknownMethodIsRejected(String method) {
        assertRejected(
                "\"" + method
                        + "\" is not an HTTP method; write methods such as [GET, POST], or leave the methods out for"
                        + " all of them.",
                () -> builder().limit("/a", List.of(method), TWO, "{ip}", "1"));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 'The cost is 0 permits, so the limit would limit nothing; write 1 or more, or remove the limit.'",
        "{query:n} 0..0, 'The cost is 0 permits, so the limit would limit nothing; write 1 or more, or remove the limit.'",
        "3, 'A request costs 3 permits, but the policy \"two\" grants at most 2 at once, so every request would be denied;"
                + " write a lower cost or a higher limit.'",
        "{query:n} 3..9, 'A request costs 3 permits, but the policy \"two\" grants at most 2 at once, so every request would"
                + " be denied; write a lower cost or a higher limit.'"
    })
    void costOfNothingOrAboveLimitIsRejected(String permits, String message) {
        assertRejected(message, () -> builder().limit("/a", List.of(), TWO, "{ip}", permits));
    }

    @ParameterizedTest
    @ValueSource(strings = {"2", "{query:n}"})
    void costWithoutRateLimitIsRejected(String permits) {
        assertRejected(
                "A request has a cost in permits, but the policy \"slots\" has no rate limit, and a request holds one slot"
                        + " whatever it costs; remove the cost, or add a rate limit.",
                () -> builder().limit("/a", List.of(), Policy.of("slots", "5 concurrent"), "{ip}", permits));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ip", "Principal", "header:X-Tenant", "$ip", "(api-key)", "principalOrIp"})
    void keyWithoutPlaceholderIsRejected(String key) {
        assertRejected(
                "The key \"" + key
                        + "\" has no placeholder, so all requests would share one counter; write a placeholder in"
                        + " braces, such as \"{ip}\" or \"{principal}\", or \"{global}\" if they are to share one.",
                () -> builder().limit("/a", TWO, key));
    }

    @Test
    void repeatedLimitIsRejected() {
        assertRejected(
                "limit(\"/a/{id}\", ...) is written twice with the same policy and key, which would charge each request"
                        + " twice; remove one of them.",
                () -> builder()
                        .limit("/a/{id}", TWO, "{ip}")
                        .limit("/a/*", TWO, "{ip}")
                        .build());
        assertNotNull(builder()
                .limit("/a", List.of("GET"), TWO, "{ip}", "1")
                .limit("/a", List.of("POST"), TWO, "{ip}", "2")
                .limit("/a", TWO, "{principal}")
                .build());
    }

    @ParameterizedTest
    @CsvSource({
        "{global}, alice, 'all requests share the key \"{global}\"; give the policy a key such as \"{principal}\", or remove"
                + " the override.'",
        "{ip}, alice, 'it is not an address, as the keys of \"{ip}\" are; write one such as \"192.0.2.1\".'",
        "{ip}, 2001:db8::1, 'the key of that address is \"2001:db8::/64\"; write it so.'",
        "{ip:48}, 2001:db8::/64, 'the key of that address is \"2001:db8::/48\"; write it so.'",
        "{ip}-{principal}, a, 'the key \"{ip}-{principal}\" has several parts; give overrides to a policy whose key is a"
                + " single placeholder.'"
    })
    void overrideForKeyThatNeverOccursIsRejected(String template, String key, String reason) {
        assertRejected(
                "override(\"two\", \"" + key + "\", ...): the key never occurs, because " + reason, () -> builder()
                        .limit("/a", TWO, template)
                        .override("two", key, "5/h")
                        .build());
    }

    @Test
    void overrideForKeyOfOneOfTheLimitsIsAccepted() {
        assertNotNull(builder()
                .limit("/a", TWO, "{ip}")
                .limit("/b", TWO, "{principal}")
                .override("two", "alice", "5/h")
                .build());
    }

    @Test
    void overrideBelowCostAndRepeatedOverrideAreRejected() {
        assertRejected(
                "A request costs 2 permits, but the policy \"two\" with its override for \"192.0.2.1\" grants at most 1 at"
                        + " once, so every request would be denied; write a lower cost or a higher limit.",
                () -> builder()
                        .limit("/a", List.of(), TWO, "{ip}", "2")
                        .override("two", "192.0.2.1", "1/h")
                        .build());
        assertRejected(
                "The policy \"two\" has an override for the key \"192.0.2.1\" already; write the limits of a key once.",
                () -> builder().override("two", "192.0.2.1", "1/h").override("two", "192.0.2.1", "2/h"));
    }

    @Test
    void jitterWithFractionIsRejected() {
        assertRejected(
                "The jitter is PT0.9S, but Retry-After counts whole seconds; write a number of seconds such as 2s.",
                () -> builder()
                        .limit("/a", TWO, "{ip}")
                        .retryAfterJitter(Duration.ofMillis(900))
                        .build());
    }

    private static void assertRejected(String message, Runnable use) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, use::run).getMessage());
    }
}
