package io.github.micronautratelimit.benchmarks;

import com.google.common.util.concurrent.RateLimiter;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;

/** Guava's limiter, which smooths and locks. A map has one limiter per key. */
@SuppressWarnings("UnstableApiUsage")
public class Guava extends Limiter {

    private static final double PERMITS_PER_SECOND = 1e9;

    private final ConcurrentHashMap<String, RateLimiter> limiters = new ConcurrentHashMap<>();

    @Override
    void visit(String key) {
        limiters.computeIfAbsent(key, each -> RateLimiter.create(PERMITS_PER_SECOND))
                .tryAcquire();
    }

    /** Returns a boolean, the fullest result of this limiter. */
    @Benchmark
    public boolean guava(Cursor cursor) {
        String key = cursor.next();
        @Nullable RateLimiter limiter = limiters.get(key);
        if (limiter == null) {
            limiter = limiters.computeIfAbsent(key, each -> RateLimiter.create(PERMITS_PER_SECOND));
        }
        return limiter.tryAcquire();
    }
}
