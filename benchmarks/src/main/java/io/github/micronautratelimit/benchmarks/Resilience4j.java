package io.github.micronautratelimit.benchmarks;

import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;

/** Resilience4j's atomic limiter, which counts in fixed periods. A map per key is faster than its registry. */
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

    /** Returns a boolean, the fullest result of this limiter. */
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
