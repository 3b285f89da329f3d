package io.github.micronautratelimit.hotkey;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.GuardedSource;
import io.github.micronautratelimit.testing.LedgerStore;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The store calls of a request with prefetching, for hot and cool keys, in virtual time. Without, it is one call. */
class PrefetchCostTest {

    private static final long SWEEP = 250_000;
    private static final long SECONDS = 60;

    private final AtomicLong micros = new AtomicLong(1_790_000_000_000_000L);
    private final LedgerStore store = new LedgerStore(micros::get);
    private final PrefetchingBackend prefetching = GuardedSource.prefetching(store, micros::get);
    private long nextSweep = micros.get() + SWEEP;
    private long requests;

    /** The next requests of a key, all at the same instant. */
    private record Visit(long at, int key) implements Comparable<Visit> {

        @Override
        public int compareTo(Visit other) {
            return Long.compare(at, other.at);
        }
    }

    private void moveTo(long instant) {
        while (nextSweep <= instant) {
            micros.set(nextSweep);
            prefetching.sweep();
            nextSweep += SWEEP;
        }
        micros.set(instant);
    }

    /** Lets keys be visited at random, and returns the calls per request. */
    private double callsPerRequest(
            String limits, int maxPrefetch, int keys, double visitsPerSecond, int burst, int cost) {
        Policy policy = Policy.of("p", limits).withMaxPrefetch(maxPrefetch);
        Random random = new Random(3);
        PriorityQueue<Visit> visits = new PriorityQueue<>();
        long end = micros.get() + SECONDS * 1_000_000;
        for (int key = 0; key < keys; key++) {
            visits.add(new Visit(micros.get() + gap(random, visitsPerSecond), key));
        }
        for (Visit visit = visits.remove(); visit.at < end; visit = visits.remove()) {
            moveTo(visit.at);
            for (int i = 0; i < burst; i++) {
                Await.result(prefetching.acquire(policy, "key" + visit.key, cost));
                requests++;
            }
            visits.add(new Visit(visit.at + gap(random, visitsPerSecond), visit.key));
        }
        prefetching.close();
        double calls = (double) store.calls() / requests;
        System.out.printf(
                "%s, max-prefetch %d, %d keys, %.2f/s x %d requests of %d: %.4f calls = $%.4f a million%n",
                limits, maxPrefetch, keys, visitsPerSecond, burst, cost, calls, calls * 0.625);
        return calls;
    }

    private static long gap(Random random, double perSecond) {
        return 1 + (long) (-Math.log(1 - random.nextDouble()) * 1_000_000 / perSecond);
    }

    @ParameterizedTest
    @CsvSource({"10, 0.25", "100, 0.03", "1000, 0.01"})
    void hotKeyCostsLittle(int maxPrefetch, double most) {
        assertTrue(callsPerRequest("100000/min", maxPrefetch, 1, 1_000, 1, 1) <= most);
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 100})
    void warmKeysCostLessThanExact(int maxPrefetch) {
        assertTrue(callsPerRequest("6000/min", maxPrefetch, 50, 30, 1, 1) <= 0.4);
    }

    /** Keys that are not worth it fall back to exact decisions. */
    @ParameterizedTest
    @CsvSource({
        "100, 100/min, 200, 0.2, 1, 1",
        "100, 1000/min, 200, 1.5, 1, 1",
        "100, 1000/min, 200, 3, 1, 1",
        "100, 6000/min, 50, 6, 1, 1",
        "100, 6000/min, 50, 10, 1, 1",
        "100, 1000/min, 200, 0.2, 7, 1",
        "100, 1000/min, 200, 0.2, 9, 1",
        "100, 6000/min, 50, 1, 8, 1",
        "100, 6000/min, 50, 0.2, 20, 1",
        "100, 60000/min, 200, 1.5, 1, 8",
        "100, 60000/min, 50, 10, 1, 10",
        "100, 100/s, 1, 1000, 1, 1",
        "10, 100/s, 1, 1000, 1, 1",
        "10, 1000/min, 200, 1.5, 1, 1",
        "1000, 1000/min, 200, 1.5, 1, 1",
        "1, 1000/min, 50, 10, 1, 1"
    })
    void coolKeysCostNoMoreThanExact(
            int maxPrefetch, String limits, int keys, double visitsPerSecond, int burst, int cost) {
        double calls = callsPerRequest(limits, maxPrefetch, keys, visitsPerSecond, burst, cost);
        assertTrue(calls <= 1.005, () -> calls + " calls");
    }
}
