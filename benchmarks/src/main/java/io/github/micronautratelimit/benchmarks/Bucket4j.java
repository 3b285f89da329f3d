package io.github.micronautratelimit.benchmarks;

import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;

/** Bucket4j's lock-free bucket on its own default clock, of milliseconds; one per key in a map. */
public class Bucket4j extends Limiter {

    private final ConcurrentHashMap<String, Bucket> buckets = new ConcurrentHashMap<>();

    private static Bucket bucket() {
        return Bucket.builder()
                .addLimit(limit -> limit.capacity(1_000_000_000).refillGreedy(100, Duration.ofMinutes(1)))
                .build();
    }

    @Override
    void visit(String key) {
        buckets.computeIfAbsent(key, each -> bucket()).tryConsume(1);
    }

    /** The result is full: the permits left, and when to come back. */
    @Benchmark
    public ConsumptionProbe bucket4j(Cursor cursor) {
        String key = cursor.next();
        @Nullable Bucket bucket = buckets.get(key);
        if (bucket == null) {
            bucket = buckets.computeIfAbsent(key, each -> bucket());
        }
        return bucket.tryConsumeAndReturnRemaining(1);
    }
}
