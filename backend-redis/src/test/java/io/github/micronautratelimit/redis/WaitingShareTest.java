package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Measures how four instances with 50 callers each share a limit that all of them wait for. Not part of a build:
 * {@code -Dratelimit.waiting.seconds=60} runs it for that time.
 */
@NeedsRedis
@EnabledIfSystemProperty(named = "ratelimit.waiting.seconds", matches = "\\d+")
class WaitingShareTest {

    private static final int INSTANCES = 4;
    private static final int CALLERS = 50;

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"10/s", "200/s"})
    void instancesShareTheLimit(String limits) {
        int seconds = Integer.getInteger("ratelimit.waiting.seconds");
        Policy policy = Policy.of("waiting-" + UUID.randomUUID(), limits);
        AtomicLong calls = new AtomicLong();
        AtomicIntegerArray granted = new AtomicIntegerArray(INSTANCES);
        List<RateLimiter> instances = new ArrayList<>();
        for (int i = 0; i < INSTANCES; i++) {
            RedisBackend store = new RedisBackend(Redis.connection(), "waiting");
            instances.add(RateLimiter.builder(store)
                    .storeListeners(List.of((name, operation, policies) -> {
                        calls.incrementAndGet();
                        return (outcome, duration, failure) -> {};
                    }))
                    .build());
        }
        long capacity = policy.capacity();
        assertTrue(instances.get(0).tryAcquire(policy, "key", capacity).allowed());
        long begun = System.nanoTime();
        long end = begun + TimeUnit.SECONDS.toNanos(seconds);
        for (int i = 0; i < INSTANCES; i++) {
            for (int j = 0; j < CALLERS; j++) {
                acquire(instances.get(i), policy, end, granted, i);
            }
        }
        LockSupport.parkNanos(end - System.nanoTime());
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
        int[] shares = IntStream.range(0, INSTANCES).map(granted::get).toArray();
        long made = calls.get();
        int all = IntStream.of(shares).sum();
        double limit = policy.rateLimits().get(0).permits() * (double) seconds;
        instances.forEach(RateLimiter::close);
        String figures = String.format(
                "%s for %d s: %d permits, %.2f %% of the limit; shares %s; %.2f calls per permit",
                limits, seconds, all, 100 * all / limit, Arrays.toString(shares), (double) made / all);
        System.out.println(figures);
        assertTrue(all <= limit + 1 && all >= 0.98 * limit, figures);
        assertTrue(IntStream.of(shares).min().orElse(0) >= all / (2 * INSTANCES), figures);
        assertTrue(made <= 3L * all, figures);
    }

    /** Acquires one permit after the other. */
    private static void acquire(RateLimiter instance, Policy policy, long end, AtomicIntegerArray granted, int index) {
        instance.async().acquire(policy, "key", 1, Duration.ofMinutes(5)).thenAccept(decision -> {
            if (decision.allowed() && System.nanoTime() < end) {
                granted.incrementAndGet(index);
                acquire(instance, policy, end, granted, index);
            }
        });
    }
}
