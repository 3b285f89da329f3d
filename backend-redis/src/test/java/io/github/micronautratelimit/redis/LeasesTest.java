package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitLeases;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.Policies;
import io.micronaut.context.ApplicationContext;

/** Permits taken ahead from a real server. */
@NeedsRedis
class LeasesTest {

    private final String namespace = "leases-" + UUID.randomUUID();

    @AfterEach
    void deleteKeys() {
        Redis.server().keys(namespace + ":*").forEach(Redis.server()::del);
    }

    private PermitLeases instance() {
        return new PermitLeases(new Guard(new RedisBackend(Redis.connection(), namespace), "redis", Duration.ofSeconds(30), 1,
                MicroClock.system(), List.of()), MicroClock.system());
    }

    private long remaining(Policy policy) {
        return new RedisBackend(Redis.connection(), namespace).peek(policy, "key", 0).toCompletableFuture().join().remaining();
    }

    /** 64 callers at once in each, each of whom asks a hundred times. */
    @ParameterizedTest
    @CsvSource({"10000/366day, 50", "10000/366day sliding, 50", "10000/366day fixed, 50", "10000/366day, 1000"})
    void fourInstancesTogetherGrantExactlyTheLimit(String limits, int most) throws Exception {
        Policy policy = Policy.of("p", limits).withMaxLease(most);
        List<PermitLeases> instances = IntStream.range(0, 4).mapToObj(i -> instance()).toList();
        ExecutorService threads = Executors.newFixedThreadPool(4 * 64);
        long granted = 0;
        long fromLeases;
        try {
            List<Future<Long>> all = new ArrayList<>();
            for (int i = 0; i < 4 * 64; i++) {
                PermitLeases mine = instances.get(i % 4);
                all.add(threads.submit(() -> granted(mine, policy, 100)));
            }
            for (Future<Long> each : all) {
                granted += each.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
            fromLeases = instances.stream().mapToLong(PermitLeases::grantedPermits).sum();
            instances.forEach(PermitLeases::close);
        }
        assertTrue(granted >= 10_000 - 4L * most && granted <= 10_000, "granted " + granted);
        assertTrue(fromLeases > 0, "nothing was leased");
        assertEquals(10_000 - granted, remaining(policy));
        PermitLeases later = instance();
        granted += granted(later, policy, 5_000);
        later.close();
        assertEquals(10_000, granted);
    }

    @Test
    void anApplicationThatEndsGivesBackWhatItHolds() {
        Policy exact = Policy.of("hot", "10000/366day");
        try (ApplicationContext context = ApplicationContext.run(Map.of("redis.uri", RedisServer.uri(),
                "ratelimit.namespace", namespace, "ratelimit.policies.hot.limits", "10000/366day",
                "ratelimit.policies.hot.mode", "leased", "ratelimit.policies.hot.max-lease", 500))) {
            RateLimiter limiter = context.getBean(RateLimiter.class);
            Policy hot = context.getBean(Policies.class).get("hot");
            for (int i = 0; i < 2_000; i++) {
                assertTrue(limiter.acquire(hot, "key").allowed());
            }
            assertEquals(Decision.Source.LEASE, limiter.acquire(hot, "key").source());
            assertTrue(remaining(exact) < 10_000 - 2_001, "something is held");
        }
        assertEquals(10_000 - 2_001, remaining(exact));
    }

    private static long granted(PermitLeases instance, Policy policy, int requests) {
        return IntStream.range(0, requests)
                .filter(i -> instance.acquire(policy, "key", 1).toCompletableFuture().join().allowed()).count();
    }
}
