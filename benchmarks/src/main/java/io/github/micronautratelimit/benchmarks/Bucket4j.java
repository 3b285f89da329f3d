package io.github.micronautratelimit.benchmarks;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;

/** Bucket4j's lock-free bucket with its default clock, which counts milliseconds. A map has one bucket per key. */
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

    /** Returns the full result: the remaining permits and the time to wait. */
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
