package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.management.HeavyHitters.Hitter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class HeavyHittersTest {

    private static final double LN2_PER_MINUTE = Math.log(2) / 60;

    private final AtomicLong nanos = new AtomicLong(-5);

    private HeavyHitters withCounters(int counters) {
        return new HeavyHitters(counters, Duration.ofMinutes(1), nanos::get);
    }

    @Test
    void aNewSketchIsEmpty() {
        assertEquals(List.of(), withCounters(3).top(10));
    }

    @Test
    void keysAreSortedByFrequencyAndBelongToAPolicy() {
        HeavyHitters hitters = withCounters(10);
        add(hitters, "p", "a", 3);
        add(hitters, "q", "a", 5);
        add(hitters, "p", "b", 4);
        assertEquals(List.of("q/a", "p/b", "p/a"), names(hitters.top(10)));
        assertEquals(List.of("q/a", "p/b"), names(hitters.top(2)));
        assertEquals(5 * LN2_PER_MINUTE, hitters.top(1).get(0).perSecond(), 1e-12);
    }

    @Test
    void anOccurrenceLosesHalfOfItsWeightPerHalfLife() {
        HeavyHitters hitters = withCounters(10);
        add(hitters, "p", "old", 8);
        nanos.addAndGet(Duration.ofMinutes(2).toNanos());
        add(hitters, "p", "new", 3);
        assertEquals(List.of("p/new", "p/old"), names(hitters.top(10)));
        assertEquals(2 * LN2_PER_MINUTE, hitters.top(10).get(1).perSecond(), 1e-12);
    }

    @Test
    void aSteadyRateIsReportedExactly() {
        HeavyHitters hitters = withCounters(10);
        for (int i = 0; i < 100_000; i++) {
            nanos.addAndGet(10_000_000);
            hitters.add("p", "steady");
        }
        assertEquals(100, hitters.top(1).get(0).perSecond(), 0.2);
    }

    @Test
    void countsAreExactAfterDays() {
        HeavyHitters hitters = withCounters(10);
        for (int day = 0; day < 40; day++) {
            add(hitters, "p", "a", 7);
            assertEquals(7 * LN2_PER_MINUTE, hitters.top(1).get(0).perSecond(), 1e-9);
            nanos.addAndGet(Duration.ofHours(7 + day).toNanos());
            assertEquals(List.of(), hitters.top(1), "occurrences of hours ago have no weight");
        }
    }

    @Test
    void aKeyAboveItsShareIsAlwaysFoundAndNoFrequencyIsTooHigh() {
        HeavyHitters hitters = withCounters(16);
        for (int i = 0; i < 32_000; i++) {
            hitters.add("p", i % 8 == 0 ? "heavy" : "noise" + i);
        }
        assertTrue(names(hitters.top(16)).contains("p/heavy"), hitters.top(16)::toString);
        assertEquals("p/heavy", names(hitters.top(1)).get(0), "each noise key has one certain occurrence");
        double heavy = hitters.top(1).get(0).perSecond() / LN2_PER_MINUTE;
        assertTrue(heavy <= 4_000 && heavy >= 4_000 - 32_000 / 16, () -> "4000 occurrences, reported " + heavy);
        hitters.top(16).stream()
                .skip(1)
                .forEach(noise -> assertEquals(1, noise.perSecond() / LN2_PER_MINUTE, 1e-6, noise::toString));
    }

    @Test
    void concurrentOccurrencesAreAllCounted() throws InterruptedException {
        HeavyHitters hitters = withCounters(4);
        int threads = 4;
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        CountDownLatch done = new CountDownLatch(threads);
        for (int thread = 0; thread < threads; thread++) {
            String key = thread % 2 == 0 ? "even" : "odd";
            pool.execute(() -> {
                add(hitters, "p", key, 10_000);
                done.countDown();
            });
        }
        assertTrue(done.await(30, TimeUnit.SECONDS));
        pool.shutdown();
        for (Hitter hitter : hitters.top(4)) {
            assertEquals(20_000, hitter.perSecond() / LN2_PER_MINUTE, 1e-3, hitter::toString);
        }
        assertEquals(2, hitters.top(4).size());
    }

    private static void add(HeavyHitters hitters, String policy, String key, int times) {
        for (int i = 0; i < times; i++) {
            hitters.add(policy, key);
        }
    }

    private static List<String> names(List<Hitter> hitters) {
        return hitters.stream()
                .map(hitter -> hitter.policy() + "/" + hitter.keyHash())
                .toList();
    }
}
