package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Prefetched permits of a real server. */
@NeedsRedis
class PrefetchTest {

    private final String namespace = "prefetch-" + UUID.randomUUID();

    @AfterEach
    void deleteKeys() {
        Redis.server().keys(namespace + ":*").forEach(Redis.server()::del);
    }

    private RateLimiter instance() {
        return RateLimiter.builder(new RedisBackend(Redis.connection(), namespace))
                .name("redis")
                .deadline(Duration.ofSeconds(30))
                .denyCache(Duration.ZERO)
                .build();
    }

    private long remaining(Policy policy) {
        return new RedisBackend(Redis.connection(), namespace)
                .peek(policy, "key", 0)
                .toCompletableFuture()
                .join()
                .remaining();
    }

    /** Each of four instances has 64 concurrent callers, each with 100 requests. */
    @ParameterizedTest
    @CsvSource({"10000/366day, 50", "10000/366day sliding, 50", "10000/366day fixed, 50", "10000/366day, 1000"})
    void fourInstancesGrantExactlyTheLimit(String limits, int most) throws Exception {
        Policy policy = Policy.of("p", limits).withMaxPrefetch(most);
        List<RateLimiter> instances =
                IntStream.range(0, 4).mapToObj(i -> instance()).toList();
        ExecutorService threads = Executors.newFixedThreadPool(4 * 64);
        long granted = 0;
        long fromPrefetch;
        try {
            List<Future<Long>> all = new ArrayList<>();
            for (int i = 0; i < 4 * 64; i++) {
                RateLimiter mine = instances.get(i % 4);
                all.add(threads.submit(() -> granted(mine, policy, 100)));
            }
            for (Future<Long> each : all) {
                granted += each.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
            fromPrefetch =
                    instances.stream().mapToLong(PrefetchTest::prefetched).sum();
            instances.forEach(RateLimiter::close);
        }
        assertTrue(granted >= 10_000 - 4L * most && granted <= 10_000, "granted " + granted);
        assertTrue(fromPrefetch > 0, "no permit was prefetched");
        assertEquals(10_000 - granted, remaining(policy));
        RateLimiter later = instance();
        granted += granted(later, policy, 5_000);
        later.close();
        assertEquals(10_000, granted);
    }

    @Test
    void applicationRefundsPrefetchedPermitsWhenItStops() {
        Policy exact = Policy.of("hot", "10000/366day");
        try (ApplicationContext context = ApplicationContext.run(Map.of(
                "redis.uri",
                RedisServer.uri(),
                "ratelimit.namespace",
                namespace,
                "ratelimit.policies.hot.limits",
                "10000/366day",
                "ratelimit.policies.hot.mode",
                "prefetch",
                "ratelimit.policies.hot.max-prefetch",
                500))) {
            RateLimiter limiter = context.getBean(RateLimiter.class);
            Policy hot = context.getBean(PolicyRegistry.class).get("hot");
            for (int i = 0; i < 2_000; i++) {
                assertTrue(limiter.tryAcquire(hot, "key").allowed());
            }
            assertEquals(
                    Decision.Source.PREFETCHED, limiter.tryAcquire(hot, "key").source());
            assertTrue(remaining(exact) < 10_000 - 2_001, "no permit is prefetched");
        }
        assertEquals(10_000 - 2_001, remaining(exact));
    }

    private static long prefetched(RateLimiter instance) {
        LimiterStats.Prefetch prefetch = instance.stats().prefetch();
        return prefetch == null ? 0 : prefetch.granted();
    }

    private static long granted(RateLimiter instance, Policy policy, int requests) {
        return IntStream.range(0, requests)
                .filter(i -> instance.tryAcquire(policy, "key").allowed())
                .count();
    }
}
