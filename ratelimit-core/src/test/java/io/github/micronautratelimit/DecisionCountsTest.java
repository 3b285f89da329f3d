package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.DecisionCounts.Series;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

class DecisionCountsTest {

    private static final Policy TEN = Policy.of("ten", "10/day");
    private static final Policy TWO = Policy.of("two", "2/day");

    private final RateLimiter limiter = RateLimiter.builder(new MemoryBackend(() -> 1_000_000_000_000_000L, 10_000))
            .build();

    private static String text(Series series) {
        return series.policy() + " " + series.origin() + " " + series.allowed() + " " + series.source() + ": "
                + series.decisions() + ", " + series.permits() + " permits, " + series.nearLimit() + " near";
    }

    private static List<String> all(RateLimiter limiter) {
        return limiter.counts().all().stream()
                .map(DecisionCountsTest::text)
                .sorted()
                .toList();
    }

    @Test
    void countingStartsWithTheFirstRequestForCounts() {
        limiter.tryAcquire(TEN, "key");
        assertSame(limiter.counts(), limiter.counts());
        assertEquals(List.of(), all(limiter));
    }

    /** Nobody has exceeded a limit, so alerts on denials are not for these. */
    @Test
    void denialsBecauseTheStoreIsUnavailableAreAnOutcomeOfTheirOwn() {
        DecisionCounts counts = limiter.counts();
        Policy closed = TEN.withOnError(OnError.CLOSED);
        Decision unavailable = new Decision.Denied(0, 1_000_000, 1_000_000, List.of(), Decision.Source.FALLBACK);
        Decision byLimit = new Decision.Denied(0, 1_000_000, 1_000_000, TEN.rateLimits(), Decision.Source.FALLBACK);
        counts.count(closed, PermitRequest.Origin.HTTP, 1, unavailable);
        counts.count(closed, PermitRequest.Origin.HTTP, 1, unavailable);
        counts.count(TEN, PermitRequest.Origin.HTTP, 1, byLimit);
        counts.count(TEN, PermitRequest.Origin.HTTP, 1, new Decision.Allowed(3, 1, Decision.Source.FALLBACK));
        assertEquals(
                List.of("denied 1", "allowed 1", "unavailable 2"),
                counts.all().stream()
                        .sorted(Comparator.comparing(Series::decisions)
                                .thenComparing(Series::allowed)
                                .thenComparing(Series::unavailable))
                        .map(series -> (series.allowed() ? "allowed" : series.unavailable() ? "unavailable" : "denied")
                                + " " + series.decisions())
                        .toList());
    }

    @Test
    void decisionsAreGroupedByPolicyOriginOutcomeAndSource() {
        limiter.counts();
        limiter.tryAcquire(TEN, "a");
        limiter.tryAcquire(TEN, "b", 8);
        limiter.tryAcquire(TEN, "b", 3);
        limiter.async().tryAcquire(TEN, "c", 0);
        limiter.tryAcquireAll(List.of(new PermitRequest(TEN, "d", 1, PermitRequest.Origin.HTTP)));
        limiter.tryAcquireAll(List.of(
                new PermitRequest(TEN, "e", 1, PermitRequest.Origin.METHOD),
                new PermitRequest(TWO, "e", 3, PermitRequest.Origin.METHOD)));
        limiter.tryAcquireAll(List.of(
                new PermitRequest(TEN, "f", 1, PermitRequest.Origin.METHOD),
                new PermitRequest(TWO, "f", 2, PermitRequest.Origin.METHOD)));
        limiter.peek(TEN, "a", 1);
        assertEquals(
                List.of(
                        "ten CODE false STORE: 1, 3 permits, 0 near",
                        "ten CODE true STORE: 3, 9 permits, 1 near",
                        "ten HTTP true STORE: 1, 1 permits, 0 near",
                        "ten METHOD true STORE: 1, 1 permits, 0 near",
                        "two METHOD false STORE: 1, 3 permits, 0 near",
                        "two METHOD true STORE: 1, 2 permits, 1 near"),
                all(limiter));
    }

    @Test
    void skippedRequestsAreNotCounted() {
        limiter.counts();
        limiter.leaseAll(
                List.of(new PermitRequest(TWO, "a", 3), new PermitRequest(Policy.of("slots", "1 concurrent"), "a", 1)));
        assertEquals(List.of("two CODE false STORE: 1, 3 permits, 0 near"), all(limiter));
    }

    @Test
    void decisionsAreCountedBesideListeners() {
        RateLimiter both = RateLimiter.builder(new MemoryBackend())
                .listeners(List.of(new RateLimitListener() {}))
                .build();
        both.counts();
        both.tryAcquire(TEN, "a");
        both.async().tryAcquire(TEN, "a", 2);
        assertEquals(List.of("ten CODE true STORE: 2, 3 permits, 0 near"), all(both));
    }

    @Test
    void policiesBeyondTheBoundAreCountedTogether() {
        limiter.counts();
        for (int i = 0; i < DecisionCounts.MAX_POLICIES + 30; i++) {
            limiter.tryAcquire(Policy.of("p" + i, "10/day"), "key");
        }
        limiter.tryAcquire(Policy.of("p7", "10/day"), "key");
        List<Series> all = limiter.counts().all();
        assertEquals(DecisionCounts.MAX_POLICIES + 1, all.size());
        assertEquals(
                List.of("other CODE true STORE: 30, 30 permits, 0 near"),
                all.stream()
                        .filter(series -> series.policy().equals(DecisionCounts.OTHER))
                        .map(DecisionCountsTest::text)
                        .toList());
        assertEquals(
                2,
                all.stream()
                        .filter(series -> series.policy().equals("p7"))
                        .findFirst()
                        .orElseThrow()
                        .decisions());
    }

    @Test
    void consumerReceivesEachSeriesOnceEvenBesideAFailingConsumer() {
        List<String> received = new ArrayList<>();
        limiter.counts();
        limiter.tryAcquire(TEN, "a");
        limiter.counts().forEach(series -> {
            throw new IllegalStateException("thrown on purpose");
        });
        limiter.counts().forEach(series -> received.add(series.policy() + " " + series.allowed()));
        limiter.tryAcquire(TEN, "a");
        assertTrue(limiter.tryAcquire(TWO, "a", 2).allowed());
        limiter.tryAcquire(TWO, "a");
        assertEquals(List.of("ten true", "two true", "two false"), received);
    }
}
