package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decision.Allowed;
import io.github.micronautratelimit.Decision.Denied;
import io.github.micronautratelimit.Decision.Skipped;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Headers and responses to denied requests. */
class HeadersTest {

    private static final Policy BURST = Policy.of("burst", "100/min");
    private static final Policy DAILY = Policy.of("daily", "1000/day fixed");

    @Test
    void ietfHeadersContainEveryPolicy() {
        assertEquals(
                Map.of(
                        "RateLimit-Policy", "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400",
                        "RateLimit", "\"burst\";r=50;t=1, \"daily\";r=900;t=3601"),
                written(HeaderStyle.IETF, decisions(allowed(50, 30_000_000), allowed(900, 3_600_000_001L))));
    }

    @Test
    void deniedRequestHasTheValuesOfTheDenyingPolicies() {
        assertEquals(
                Map.of(
                        "RateLimit-Policy", "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400",
                        "RateLimit", "\"burst\";r=0;t=1"),
                written(HeaderStyle.IETF, decisions(denied(600_000, 60_000_000), allowed(900, 3_600_000_000L))));
    }

    @ParameterizedTest
    @EnumSource(
            value = HeaderStyle.class,
            names = {"IETF", "LEGACY"})
    void skippedPoliciesHaveNoValues(HeaderStyle style) {
        Decision denied = denied(600_000, 60_000_000);
        Map<String, String> alone = written(style, decisions(denied));
        Map<String, String> withSkipped = written(style, decisions(denied, new Skipped(Source.STORE)));
        if (style == HeaderStyle.IETF) {
            assertEquals("\"burst\";q=100;w=60, \"daily\";q=1000;w=86400", withSkipped.remove("RateLimit-Policy"));
            alone.remove("RateLimit-Policy");
        }
        assertEquals(alone, withSkipped);
        assertTrue(withSkipped.values().stream().noneMatch(value -> value.contains("daily")), withSkipped::toString);
    }

    @Test
    void skippedPolicyBeforeTheDeniedOneHasNoValues() {
        Decisions decisions = decisions(new Skipped(Source.LOCAL_LIMIT), denied(600_000, 60_000_000));
        assertEquals("\"daily\";r=0;t=1", written(HeaderStyle.IETF, decisions).get("RateLimit"));
        assertEquals(
                Map.of("X-RateLimit-Limit", "1000", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1"),
                written(HeaderStyle.LEGACY, decisions));
    }

    @Test
    void skippedPolicyIsNotViolated() {
        DenialResponses.Answer answer =
                denials(429, Duration.ZERO).answer(decisions(denied(1, 1), new Skipped(Source.STORE)), null);
        assertTrue(answer.body().endsWith("\"violated-policies\":[\"burst\"]}"), answer.body());
        assertEquals(1, answer.retryAfter());
    }

    @Test
    void legacyHeadersContainTheClosestPolicy() {
        assertEquals(
                Map.of("X-RateLimit-Limit", "1000", "X-RateLimit-Remaining", "7", "X-RateLimit-Reset", "3600"),
                written(HeaderStyle.LEGACY, decisions(allowed(50, 30_000_000), allowed(7, 3_600_000_000L))));
        assertEquals(
                Map.of("X-RateLimit-Limit", "100", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1"),
                written(HeaderStyle.LEGACY, decisions(denied(600_000, 60_000_000), allowed(0, 3_600_000_000L))));
    }

    @Test
    void legacyResetMayCountFromTheEpoch() {
        Map<String, String> headers = new LinkedHashMap<>();
        new RateLimitHeaders(HeaderStyle.BOTH, LegacyReset.EPOCH, () -> 1_795_305_600_500_000L)
                .write(decisions(allowed(50, 30_000_000)), headers::put);
        assertEquals("1795305602", headers.get("X-RateLimit-Reset"), "rounded up");
        assertEquals(5, headers.size());
    }

    @Test
    void styleNoneWritesNothing() {
        assertEquals(Map.of(), written(HeaderStyle.NONE, decisions(allowed(50, 30_000_000))));
    }

    @Test
    void withoutPermitsTheTimeIsThatOfTheNextPermit() {
        assertEquals(
                "\"burst\";r=0;t=1",
                written(HeaderStyle.IETF, decisions(allowed(0, 60_000_000))).get("RateLimit"),
                "100/min: one in 600 ms");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "write                                | 10/s; 1000/h sliding | \"write\";q=10;w=1, \"write\";q=1000;w=3600",
                "fast                                 | 7/250ms              | \"fast\";q=28;w=1",
                "odd                                  | 3/1500ms             | \"odd\";q=4;w=2",
                "orders(v2)                           | 5/s                  | \"orders(v2)\";q=5;w=1",
                "(x)                                  | 5/s                  | \"(x)\";q=5;w=1",
                "com.shop.Orders.list(String,int)     | 5/s                  | \"com.shop.Orders.list(String,int)\";q=5;w=1",
                "bursts                               | 10/s burst 50        | \"bursts\";q=50;w=5",
                "bursts                               | 10/s burst 15        | \"bursts\";q=20;w=2",
                "bursts                               | 1/h burst 3          | \"bursts\";q=3;w=10800",
                "bursts                               | 100/min burst 10     | \"bursts\";q=100;w=60",
                "two                                  | 10/s burst 50; 30/min| \"two\";q=50;w=5, \"two\";q=30;w=60",
                "huge                                 | 1000000000/us        | \"huge\";q=999999999999999;w=1",
                "huge                                 | 1000000000000/7us    | \"huge\";q=999999999999999;w=1",
                "huge                                 | 999999999/us         | \"huge\";q=999999999000000;w=1",
                "exact                                | 3000001/7ms          | \"exact\";q=428571571;w=1",
            })
    void policyTextHasWholeSecondsAndTheWholeName(String name, String limits, String told) {
        Decisions decisions =
                new Decisions(List.of(new PermitRequest(Policy.of(name, limits), "k", 1)), List.of(allowed(1, 1)));
        assertEquals(told, written(HeaderStyle.IETF, decisions).get("RateLimit-Policy"));
    }

    /** The window of a calendar quota is the present one: February, a day of 23 hours, and the days after it. */
    @Test
    void windowOfACalendarQuotaIsThePresentOne() {
        AtomicLong now = new AtomicLong();
        RateLimitHeaders headers = new RateLimitHeaders(HeaderStyle.IETF, LegacyReset.SECONDS, now::get);
        Decisions decisions = new Decisions(
                List.of(new PermitRequest(Policy.of("p", "10/month Europe/Berlin; 5/day Europe/Berlin"), "k", 1)),
                List.of(allowed(4, 1)));
        for (String expected : List.of(
                "2025-02-10T10:00:00Z \"p\";q=10;w=2419200, \"p\";q=5;w=86400",
                "2025-03-30T10:00:00Z \"p\";q=10;w=2674800, \"p\";q=5;w=82800",
                "2025-03-30T22:00:00Z \"p\";q=10;w=2674800, \"p\";q=5;w=86400",
                "2025-10-26T10:00:00Z \"p\";q=10;w=2682000, \"p\";q=5;w=90000")) {
            String[] parts = expected.split(" ", 2);
            now.set(Instant.parse(parts[0]).getEpochSecond() * 1_000_000);
            for (int i = 0; i < 2; i++) {
                Map<String, String> written = new HashMap<>();
                headers.write(decisions, written::put);
                assertEquals(parts[1], written.get("RateLimit-Policy"), parts[0]);
            }
        }
    }

    /** No limit ever announces fewer permits than may remain of it. */
    @ParameterizedTest
    @CsvSource({"10/s burst 50", "7/250ms burst 9", "3/1500ms", "5/day fixed", "100/min burst 10", "4 concurrent"})
    void limitIsNeverBelowTheRemainingPermits(String limits) {
        Policy policy = Policy.of("p", limits);
        Decisions full = new Decisions(
                List.of(new PermitRequest(policy, "k", 1)), List.of(allowed(policy.capacity() - 1, 1_000_000)));
        Map<String, String> headers = written(HeaderStyle.BOTH, full);
        long quota = Long.parseLong(headers.get("RateLimit-Policy").replaceAll(".*;q=(\\d+).*", "$1"));
        long legacy = Long.parseLong(headers.get("X-RateLimit-Limit"));
        long remaining = Long.parseLong(headers.get("X-RateLimit-Remaining"));
        assertEquals(policy.capacity() - 1, remaining);
        assertTrue(remaining < quota && remaining < legacy && legacy <= quota, headers::toString);
    }

    @Test
    void timeIsThatOfTheNextPermitAndNotOfAll() {
        assertEquals(
                "\"burst\";r=50;t=1, \"daily\";r=7;t=12",
                written(
                                HeaderStyle.IETF,
                                decisions(
                                        new Allowed(50, 30_000_000, Source.STORE, 600_000, 0),
                                        new Allowed(7, 3_600_000_000L, Source.STORE, 11_000_001, 0)))
                        .get("RateLimit"));
        assertEquals(
                Map.of("X-RateLimit-Limit", "1000", "X-RateLimit-Remaining", "7", "X-RateLimit-Reset", "12"),
                written(
                        HeaderStyle.LEGACY,
                        decisions(
                                new Allowed(7, 30_000_000, Source.STORE, 600_000, 0),
                                new Allowed(7, 3_600_000_000L, Source.STORE, 11_000_001, 0))),
                "of equally few permits those that last longer");
        assertEquals(
                "\"burst\";r=100;t=0",
                written(HeaderStyle.IETF, decisions(allowed(100, 0))).get("RateLimit"),
                "all permits are free");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "null",
            value = {
                "public                             | true",
                "Public, Max-Age=60                 | true",
                "max-age=60                         | true",
                "max-age=\"60\"                     | true",
                "s-maxage=1, max-age=0              | true",
                "max-age=0,s-maxage=1               | true",
                "public, immutable, max-age=31536000| true",
                "private=\"set-cookie\", max-age=60 | true",
                "null                               | false",
                "no-store                           | false",
                "private, max-age=60                | false",
                "max-age=60, PRIVATE                | false",
                "public, no-cache                   | false",
                "no-cache, max-age=60               | false",
                "public, max-age=0                  | false",
                "s-maxage=0, max-age=60             | false",
                "max-age=60, s-maxage=0             | false",
                "private=\"a, public\"              | false",
                "must-revalidate                    | false",
                "max-age=                           | false",
                "max-age=soon                       | false",
                "max-age=-1                         | false",
                ",;,\"                              | false"
            })
    void responseForSharedCachesIsRecognized(@Nullable String cacheControl, boolean shared) {
        assertEquals(shared, RateLimitHeaders.isForSharedCaches(cacheControl));
    }

    @Test
    void denialIsAProblemWithTheViolatedPolicies() {
        assertEquals(
                new DenialResponses.Answer(
                        429,
                        2,
                        "application/problem+json",
                        "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\"title\":\"Too Many Requests\","
                                + "\"status\":429,\"detail\":\"Rate limit exceeded. Try again in 2 seconds.\","
                                + "\"violated-policies\":[\"burst\"]}"),
                denials(429, Duration.ZERO).answer(decisions(denied(1_000_001, 60_000_000), allowed(1, 1)), null));
    }

    @Test
    void requestThatCanNeverPassHasNoRetryAfter() {
        DenialResponses.Answer answer =
                denials(503, Duration.ZERO).answer(decisions(denied(LimitState.NEVER, 60_000_000)), null);
        assertEquals(503, answer.status());
        assertEquals(0, answer.retryAfter());
        assertTrue(answer.body().contains("costs more than is ever granted"), answer.body());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "null",
            value = {
                "null                                   | application/problem+json",
                "*/* | application/problem+json",
                "application/*                          | application/problem+json",
                "application/json                       | application/json",
                "application/json, */*;q=0.5            | application/json",
                "application/json, application/problem+json | application/problem+json",
                "text/html,application/xhtml+xml,*/*;q=0.8  | text/plain",
                "text/plain                             | text/plain",
                "image/png                              | application/problem+json",
                "text/plain;q=0.1, application/json;q=x | text/plain",
                "application/problem+json;q=0           | application/json",
                "application/problem+json;Q=0, */*      | application/json",
                "application/problem+json;Q=0.1,application/json;Q=0.2 | application/json",
                "application/json;Q=0, text/plain;Q=0.3, application/problem+json;v=1;Q=0 | text/plain",
                "*/*;q=0                                | application/problem+json",
                ";;,,q=;=                               | application/problem+json"
            })
    void bodyHasTheFormatThatTheClientAccepts(@Nullable String accept, String type) {
        assertEquals(
                type,
                denials(429, Duration.ZERO)
                        .answer(decisions(denied(1, 1)), accept)
                        .contentType());
    }

    @Test
    void jitterOnlyMakesClientsWaitLonger() {
        DenialResponses denials = denials(429, Duration.ofSeconds(3));
        Set<Long> told = new HashSet<>();
        for (int i = 0; i < 500; i++) {
            told.add(denials.answer(decisions(denied(9_500_000, 60_000_000)), null)
                    .retryAfter());
        }
        assertEquals(Set.of(10L, 11L, 12L, 13L), told);
    }

    @Test
    void otherStatusesAreRejected() {
        assertEquals(
                "The status of denied requests is 403; write 429 or 503.",
                assertThrows(IllegalArgumentException.class, () -> denials(403, Duration.ZERO))
                        .getMessage());
    }

    private static DenialResponses denials(int status, Duration jitter) {
        return new DenialResponses(
                new RateLimitHeaders(HeaderStyle.IETF, LegacyReset.SECONDS, () -> 0), status, new RetryAfter(jitter));
    }

    private static Map<String, String> written(HeaderStyle style, Decisions decisions) {
        Map<String, String> headers = new LinkedHashMap<>();
        new RateLimitHeaders(style, LegacyReset.SECONDS, () -> 0).write(decisions, headers::put);
        return headers;
    }

    /** Decisions on the two policies, in their order. */
    private static Decisions decisions(Decision... each) {
        return new Decisions(
                List.of(new PermitRequest(BURST, "k", 1), new PermitRequest(DAILY, "k", 1))
                        .subList(0, each.length),
                List.of(each));
    }

    private static Decision allowed(long remaining, long reset) {
        return new Allowed(remaining, reset, Source.STORE);
    }

    private static Decision denied(long retryAfter, long reset) {
        return new Denied(0, retryAfter, reset, List.of(), Source.STORE);
    }
}
