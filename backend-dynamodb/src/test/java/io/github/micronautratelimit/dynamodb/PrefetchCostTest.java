package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The requests that prefetching saves on a hot key below its limit. */
class PrefetchCostTest {

    private static final int THREADS = 8;
    private static final int DECISIONS = 4_000;

    private final CountingClient client = new CountingClient();
    private final String namespace = "prefetch-" + UUID.randomUUID();

    private RateLimiter limiter() {
        return RateLimiter.builder(new DynamoDbBackend(
                        client, CountingClient.TABLE, namespace, DynamoDbClock::machineMicros, () -> {}))
                .deadline(Duration.ofSeconds(30))
                .build();
    }

    private static Policy policy(String limit, int maxPrefetch) {
        Policy exact = Policy.of("p" + maxPrefetch, limit);
        return maxPrefetch == 0 ? exact : exact.withMaxPrefetch(maxPrefetch);
    }

    private double requestsOf(Policy policy) throws Exception {
        AtomicLong granted = new AtomicLong();
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try (RateLimiter limiter = limiter()) {
            List<Callable<Void>> work = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                work.add(() -> {
                    for (int j = 0; j < DECISIONS / THREADS; j++) {
                        granted.addAndGet(limiter.tryAcquire(policy, "key").allowed() ? 1 : 0);
                    }
                    return null;
                });
            }
            for (Future<Void> done : threads.invokeAll(work)) {
                done.get();
            }
        } finally {
            threads.shutdownNow();
        }
        assertTrue(granted.get() == DECISIONS, () -> "granted " + granted);
        double requests = (double) client.requests() / DECISIONS;
        double dollars = (0.625 * client.writes() + 0.125 * (client.requests() - client.writes())) / DECISIONS;
        System.out.printf("%s: %.4f requests a decision, $%.4f a million%n", policy, requests, dollars);
        return requests;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 10, 100, 1000})
    void prefetchingSavesMostRequestsOfAHotKey(int maxPrefetch) throws Exception {
        double requests = requestsOf(policy("1000000/min", maxPrefetch));
        assertTrue(requests <= (maxPrefetch == 0 ? 1.1 : 0.5), () -> "requests: " + requests);
    }
}
