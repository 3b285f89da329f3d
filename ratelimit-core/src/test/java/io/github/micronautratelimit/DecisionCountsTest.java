package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.DecisionCounts.Series;
import io.github.micronautratelimit.memory.MemoryBackend;

class DecisionCountsTest {

    private static final Policy TEN = Policy.of("ten", "10/day");
    private static final Policy TWO = Policy.of("two", "2/day");

    private final RateLimiter limiter =
            new RateLimiter(new MemoryBackend(() -> 1_000_000_000_000_000L, 10_000), List.of());

    private static String shown(Series series) {
        return series.policy() + " " + series.type() + " " + series.allowed() + " " + series.source() + ": "
                + series.decisions() + ", " + series.permits() + " permits, " + series.nearLimit() + " near";
    }

    private List<String> all() {
        return limiter.counts().all().stream().map(DecisionCountsTest::shown).sorted().toList();
    }

    @Test
    void nothingIsCountedBeforeSomebodyAsks() {
        limiter.acquire(TEN, "key");
        assertSame(limiter.counts(), limiter.counts());
        assertEquals(List.of(), all());
    }

    @Test
    void decisionsArePutTogetherByPolicyTypeOutcomeAndSource() {
        limiter.counts();
        limiter.acquire(TEN, "a");
        limiter.acquire(TEN, "b", 8);
        limiter.acquire(TEN, "b", 3);
        limiter.acquireAsync(TEN, "c", 0);
        limiter.acquireAll(List.of(new Ask(TEN, "d", 1, LimitType.HTTP)));
        limiter.acquireAll(List.of(new Ask(TEN, "e", 1, LimitType.METHOD), new Ask(TWO, "e", 3, LimitType.METHOD)));
        limiter.acquireAll(List.of(new Ask(TEN, "f", 1, LimitType.METHOD), new Ask(TWO, "f", 2, LimitType.METHOD)));
        limiter.peek(TEN, "a", 1);
        assertEquals(List.of(
                "ten CODE false STORE: 1, 3 permits, 0 near",
                "ten CODE true STORE: 3, 9 permits, 1 near",
                "ten HTTP true STORE: 1, 1 permits, 0 near",
                "ten METHOD true STORE: 1, 1 permits, 0 near",
                "two METHOD false STORE: 1, 3 permits, 0 near",
                "two METHOD true STORE: 1, 2 permits, 1 near"), all());
    }

    @Test
    void theyAreCountedWithListenersToo() {
        RateLimiter told = new RateLimiter(new MemoryBackend(), List.of(new RateLimitListener() { }));
        told.counts();
        told.acquire(TEN, "a");
        told.acquireAsync(TEN, "a", 2);
        assertEquals(List.of("ten CODE true STORE: 2, 3 permits, 0 near"),
                told.counts().all().stream().map(DecisionCountsTest::shown).toList());
    }

    @Test
    void policiesBeyondTheBoundAreCountedTogether() {
        limiter.counts();
        for (int i = 0; i < DecisionCounts.MAX_POLICIES + 30; i++) {
            limiter.acquire(Policy.of("p" + i, "10/day"), "key");
        }
        limiter.acquire(Policy.of("p7", "10/day"), "key");
        List<Series> all = limiter.counts().all();
        assertEquals(DecisionCounts.MAX_POLICIES + 1, all.size());
        assertEquals(List.of("other CODE true STORE: 30, 30 permits, 0 near"),
                all.stream().filter(series -> series.policy().equals(DecisionCounts.OTHER))
                        .map(DecisionCountsTest::shown).toList());
        assertEquals(2, all.stream().filter(series -> series.policy().equals("p7")).findFirst().orElseThrow().decisions());
    }

    @Test
    void whoeverAsksIsToldOfEverySeriesOnceAndHarmsNobodyByThrowing() {
        List<String> seen = new ArrayList<>();
        limiter.counts();
        limiter.acquire(TEN, "a");
        limiter.counts().forEach(series -> {
            throw new IllegalStateException("thrown on purpose");
        });
        limiter.counts().forEach(series -> seen.add(series.policy() + " " + series.allowed()));
        limiter.acquire(TEN, "a");
        assertTrue(limiter.acquire(TWO, "a", 2).allowed());
        limiter.acquire(TWO, "a");
        assertEquals(List.of("ten true", "two true", "two false"), seen);
    }
}
