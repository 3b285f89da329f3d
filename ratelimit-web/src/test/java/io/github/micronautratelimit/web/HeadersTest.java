package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decision.Allowed;
import io.github.micronautratelimit.Decision.Denied;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Policy;

/** What clients are told. */
class HeadersTest {

    private static final Policy BURST = Policy.of("burst", "100/min");
    private static final Policy DAILY = Policy.of("daily", "1000/day fixed");

    @Test
    void ietfHeadersNameEveryPolicyAndHowItStands() {
        assertEquals(Map.of(
                "RateLimit-Policy", "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400",
                "RateLimit", "\"burst\";r=50;t=30, \"daily\";r=900;t=3601"),
                written(HeaderStyle.IETF, decisions(allowed(50, 30_000_000), allowed(900, 3_600_000_001L))));
    }

    @Test
    void afterADenialTheyTellOfThePoliciesThatDenied() {
        assertEquals(Map.of(
                "RateLimit-Policy", "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400",
                "RateLimit", "\"burst\";r=0;t=1"),
                written(HeaderStyle.IETF, decisions(denied(600_000, 60_000_000), allowed(900, 3_600_000_000L))));
    }

    @Test
    void legacyHeadersTellOfTheClosestPolicy() {
        assertEquals(Map.of("X-RateLimit-Limit", "1000", "X-RateLimit-Remaining", "7", "X-RateLimit-Reset", "3600"),
                written(HeaderStyle.LEGACY, decisions(allowed(50, 30_000_000), allowed(7, 3_600_000_000L))));
        assertEquals(Map.of("X-RateLimit-Limit", "100", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1"),
                written(HeaderStyle.LEGACY, decisions(denied(600_000, 60_000_000), allowed(0, 3_600_000_000L))));
    }

    @Test
    void theLegacyResetMayCountFromTheEpoch() {
        Map<String, String> headers = new LinkedHashMap<>();
        new RateLimitHeaders(HeaderStyle.BOTH, LegacyReset.EPOCH, () -> 1_795_305_600_500_000L)
                .write(decisions(allowed(50, 30_000_000)), headers::put);
        assertEquals("1795305631", headers.get("X-RateLimit-Reset"), "rounded up");
        assertEquals(5, headers.size());
    }

    @Test
    void noneWritesNothing() {
        assertEquals(Map.of(), written(HeaderStyle.NONE, decisions(allowed(50, 30_000_000))));
    }

    @Test
    void withNoPermitLeftTheTimeIsThatOfTheNextOne() {
        assertEquals("\"burst\";r=0;t=1",
                written(HeaderStyle.IETF, decisions(allowed(0, 60_000_000))).get("RateLimit"), "100/min: one in 600 ms");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "write                                | 10/s; 1000/h sliding | \"write\";q=10;w=1, \"write\";q=1000;w=3600",
        "fast                                 | 7/250ms              | \"fast\";q=28;w=1",
        "odd                                  | 3/1500ms             | \"odd\";q=4;w=2",
        "com.shop.Orders.list(String,int)     | 5/s                  | \"Orders.list\";q=5;w=1",
        "com.shop.Orders$Inner                | 5/s                  | \"Orders$Inner\";q=5;w=1"})
    void aPolicyIsToldInWholeSecondsAndWithoutItsPackage(String name, String limits, String told) {
        Decisions decisions = new Decisions(List.of(new Ask(Policy.of(name, limits), "k", 1)), List.of(allowed(1, 1)));
        assertEquals(told, written(HeaderStyle.IETF, decisions).get("RateLimit-Policy"));
    }

    @Test
    void aDenialIsAProblemThatNamesThePoliciesViolated() {
        assertEquals(new DenialAnswers.Answer(429, 2, "application/problem+json",
                "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\"title\":\"Too Many Requests\","
                        + "\"status\":429,\"detail\":\"Rate limit exceeded. Try again in 2 seconds.\","
                        + "\"violated-policies\":[\"burst\"]}"),
                denials(429, Duration.ZERO).answer(decisions(denied(1_000_001, 60_000_000), allowed(1, 1)), null));
    }

    @Test
    void aDenialThatCanNeverPassNamesNoTime() {
        DenialAnswers.Answer answer = denials(503, Duration.ZERO).answer(decisions(denied(Decision.NEVER, 60_000_000)), null);
        assertEquals(503, answer.status());
        assertEquals(0, answer.retryAfter());
        assertTrue(answer.body().contains("costs more than is ever granted"), answer.body());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "null", value = {
        "null                                   | application/problem+json", "*/* | application/problem+json",
        "application/*                          | application/problem+json",
        "application/json                       | application/json",
        "application/json, */*;q=0.5            | application/json",
        "application/json, application/problem+json | application/problem+json",
        "text/html,application/xhtml+xml,*/*;q=0.8  | text/plain",
        "text/plain                             | text/plain",
        "image/png                              | application/problem+json",
        "text/plain;q=0.1, application/json;q=x | text/plain",
        ";;,,q=;=                               | application/problem+json"})
    void theBodyHasTheFormTheClientTakes(@Nullable String accept, String type) {
        assertEquals(type,
                denials(429, Duration.ZERO).answer(decisions(denied(1, 1)), accept).contentType());
    }

    @Test
    void jitterOnlyMakesClientsWaitLonger() {
        DenialAnswers denials = denials(429, Duration.ofSeconds(3));
        Set<Long> told = new HashSet<>();
        for (int i = 0; i < 500; i++) {
            told.add(denials.answer(decisions(denied(9_500_000, 60_000_000)), null).retryAfter());
        }
        assertEquals(Set.of(10L, 11L, 12L, 13L), told);
    }

    @Test
    void otherStatusesAreRefused() {
        assertEquals("A denied request is not answered 403; write 429 or 503.",
                assertThrows(IllegalArgumentException.class, () -> denials(403, Duration.ZERO)).getMessage());
    }

    private static DenialAnswers denials(int status, Duration jitter) {
        return new DenialAnswers(new RateLimitHeaders(HeaderStyle.IETF, LegacyReset.SECONDS, () -> 0), status, jitter);
    }

    private static Map<String, String> written(HeaderStyle style, Decisions decisions) {
        Map<String, String> headers = new LinkedHashMap<>();
        new RateLimitHeaders(style, LegacyReset.SECONDS, () -> 0).write(decisions, headers::put);
        return headers;
    }

    /** Decisions on the two policies, in their order. */
    private static Decisions decisions(Decision... each) {
        return new Decisions(List.of(new Ask(BURST, "k", 1), new Ask(DAILY, "k", 1)).subList(0, each.length),
                List.of(each));
    }

    private static Decision allowed(long remaining, long reset) {
        return new Allowed(remaining, reset, Source.STORE);
    }

    private static Decision denied(long retryAfter, long reset) {
        return new Denied(0, retryAfter, reset, List.of(), Source.STORE);
    }
}
