package io.github.micronautratelimit.benchmarks;

import java.util.concurrent.ConcurrentHashMap;

import com.google.common.util.concurrent.RateLimiter;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;

/** Guava's limiter, which smooths and locks; one per key in a map. */
@SuppressWarnings("UnstableApiUsage")
public class Guava extends Limiter {

    private static final double PERMITS_PER_SECOND = 1e9;

    private final ConcurrentHashMap<String, RateLimiter> limiters = new ConcurrentHashMap<>();

    @Override
    void visit(String key) {
        limiters.computeIfAbsent(key, each -> RateLimiter.create(PERMITS_PER_SECOND)).tryAcquire();
    }

    /** The result is a bare yes or no: there is no fuller one. */
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
