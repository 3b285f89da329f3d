package io.github.micronautratelimit.benchmarks;

import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;

import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;

/** Resilience4j's atomic limiter, which counts by fixed periods; one per key in a map, quicker than its registry. */
public class Resilience4j extends Limiter {

    private static final RateLimiterConfig CONFIG = RateLimiterConfig.custom()
            .limitForPeriod(1_000_000_000)
            .limitRefreshPeriod(Duration.ofMinutes(1))
            .timeoutDuration(Duration.ZERO)
            .build();

    private final ConcurrentHashMap<String, RateLimiter> limiters = new ConcurrentHashMap<>();

    @Override
    void visit(String key) {
        limiters.computeIfAbsent(key, each -> RateLimiter.of(each, CONFIG)).acquirePermission();
    }

    /** The result is a bare yes or no: there is no fuller one. */
    @Benchmark
    public boolean resilience4j(Cursor cursor) {
        String key = cursor.next();
        @Nullable RateLimiter limiter = limiters.get(key);
        if (limiter == null) {
            limiter = limiters.computeIfAbsent(key, each -> RateLimiter.of(each, CONFIG));
        }
        return limiter.acquirePermission();
    }
}
