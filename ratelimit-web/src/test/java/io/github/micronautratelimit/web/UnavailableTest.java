package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Responses to requests that are denied because the store is unavailable. */
class UnavailableTest {

    private static final Policy CLOSED = Policy.of("closed", "10/min").withOnError(OnError.CLOSED);
    private static final Policy OPEN = Policy.of("open", "20/min").withOnError(OnError.OPEN);
    private static final Policy LOCAL = Policy.of("local", "30/min");
    private static final Decision.Denied UNAVAILABLE =
            new Decision.Denied(0, 1_000_000, 1_000_000, List.of(), Decision.Source.FALLBACK);

    private final RateLimitHeaders headers = new RateLimitHeaders(HeaderStyle.BOTH, LegacyReset.SECONDS, () -> 0);

    private static Decisions of(Map<Policy, Decision> decisions) {
        return new Decisions(
                decisions.keySet().stream()
                        .map(policy -> new PermitRequest(policy, "key", 1))
                        .toList(),
                List.copyOf(decisions.values()));
    }

    private static Map<Policy, Decision> map(Policy policy, Decision decision, Policy other, Decision second) {
        Map<Policy, Decision> map = new LinkedHashMap<>();
        map.put(policy, decision);
        map.put(other, second);
        return map;
    }

    private DenialResponses.Answer answer(Decisions decisions, int unavailableStatus) {
        return new DenialResponses(headers, 429, unavailableStatus, new RetryAfter(Duration.ZERO))
                .answer(decisions, null);
    }

    private Map<String, String> headersOf(Decisions decisions) {
        Map<String, String> written = new LinkedHashMap<>();
        headers.write(decisions, written::put);
        return written;
    }

    @Test
    void clientLearnsThatCapacityIsReducedAndNotThatItExceededAQuota() {
        DenialResponses.Answer answer = answer(of(Map.of(CLOSED, UNAVAILABLE)), 503);
        assertEquals(
                new DenialResponses.Answer(
                        503,
                        1,
                        "application/problem+json",
                        "{\"type\":\"https://iana.org/assignments/http-problem-types#temporary-reduced-capacity\","
                                + "\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"Rate limits cannot be "
                                + "checked at present. Try again in 1 second.\"}"),
                answer);
    }

    @Test
    void statusIsConfigurable() {
        DenialResponses.Answer answer = answer(of(Map.of(CLOSED, UNAVAILABLE)), 429);
        assertEquals(429, answer.status());
        assertTrue(answer.body().contains("#temporary-reduced-capacity\",\"title\":\"Too Many Requests\""));
        assertEquals(
                "The status of requests that are denied while the store is unavailable is 500; write 503 or 429.",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new DenialResponses(headers, 429, 500, new RetryAfter(Duration.ZERO)))
                        .getMessage());
    }

    @Test
    void headersNameThePoliciesButInventNoNumbers() {
        assertEquals(
                List.of("RateLimit-Policy"),
                List.copyOf(headersOf(of(Map.of(CLOSED, UNAVAILABLE))).keySet()));
        Decision granted = new Decision.Allowed(20, 0, Decision.Source.FALLBACK);
        assertEquals(
                List.of("RateLimit-Policy"),
                List.copyOf(headersOf(of(Map.of(OPEN, granted))).keySet()));
        Decision counted = new Decision.Allowed(7, 2_000_000, Decision.Source.FALLBACK);
        assertEquals(
                "\"local\";r=7;t=2",
                headersOf(of(map(OPEN, granted, LOCAL, counted))).get("RateLimit"));
    }

    /** A denial by a limit of another policy is one that the client can do something about. */
    @Test
    void denialByALimitCountsMore() {
        Decision.Denied byLimit =
                new Decision.Denied(0, 5_000_000, 5_000_000, LOCAL.rateLimits(), Decision.Source.FALLBACK);
        Decisions both = of(map(CLOSED, UNAVAILABLE, LOCAL, byLimit));
        assertFalse(both.isUnavailable());
        assertEquals(429, answer(both, 503).status());
        assertEquals(429, answer(of(Map.of(LOCAL, byLimit)), 503).status());
        assertTrue(of(map(CLOSED, UNAVAILABLE, LOCAL, new Decision.Skipped(Decision.Source.FALLBACK)))
                .isUnavailable());
    }

    /** A call without a key is denied without a store, and so is a request that costs more than the limit. */
    @ParameterizedTest
    @EnumSource(Decision.Source.class)
    void otherDenialsUnderTheSamePolicyAreNone(Decision.Source source) {
        Decision.Denied denied = new Decision.Denied(0, 1_000_000, 1_000_000, CLOSED.rateLimits(), source);
        assertEquals(source == Decision.Source.FALLBACK, denied.isUnavailable(CLOSED));
        assertFalse(new Decision.Denied(0, LimitState.NEVER, 0, List.of(), source).isUnavailable(CLOSED));
        assertFalse(denied.isUnavailable(LOCAL));
    }

    @Test
    void exceptionOfACallSaysSo() {
        RateLimitExceededException thrown = new RateLimitExceededException(of(Map.of(CLOSED, UNAVAILABLE)));
        assertTrue(thrown.isUnavailable());
        assertEquals("The rate limit store is unavailable, and on-error denies: closed.", thrown.getMessage());
        RateLimitExceededException exceeded = new RateLimitExceededException(of(Map.of(
                LOCAL, new Decision.Denied(0, 5_000_000, 5_000_000, LOCAL.rateLimits(), Decision.Source.STORE))));
        assertFalse(exceeded.isUnavailable());
        assertEquals("Rate limit exceeded: local.", exceeded.getMessage());
    }
}
