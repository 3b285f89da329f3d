package io.github.micronautratelimit.management;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.observe.StoreListener;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/**
 * A histogram of the latency of store calls. The first bucket ends at 1 microsecond. Each further bucket ends 20 %
 * later than the previous one; the last bucket contains all calls of a minute or more.
 */
@Singleton
@RequiresDashboard
final class StoreLatency implements StoreListener {

    private static final double GROWTH = 1.2;
    /** 1.2 to the power of 99 microseconds is more than a minute. */
    private static final int BUCKETS = 100;

    private static final double MEDIAN = 0.5;
    private static final double HIGH = 0.99;

    private final AtomicLongArray calls = new AtomicLongArray(BUCKETS);

    @Override
    public StoreCall onCall(String store, Operation operation, List<Policy> policies) {
        return this::ended;
    }

    private void ended(Outcome outcome, Duration duration, @Nullable Throwable failure) {
        if (outcome == Outcome.ANSWERED) {
            calls.incrementAndGet(bucket(duration.toNanos() / 1e3));
        }
    }

    private static int bucket(double micros) {
        return micros <= 1 ? 0 : (int) Math.min(BUCKETS - 1, Math.ceil(Math.log(micros) / Math.log(GROWTH)));
    }

    /**
     * Returns and resets the number of answered calls and the latency percentiles: the ends of buckets, in
     * microseconds.
     */
    Map<String, Object> drain() {
        long[] drained = new long[BUCKETS];
        long total = 0;
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            drained[bucket] = calls.getAndSet(bucket, 0);
            total += drained[bucket];
        }
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("calls", total);
        if (total > 0) {
            map.put("p50", percentile(drained, total, MEDIAN));
            map.put("p99", percentile(drained, total, HIGH));
            map.put("max", percentile(drained, total, 1));
        }
        return map;
    }

    private static long percentile(long[] drained, long total, double fraction) {
        long rank = (long) Math.ceil(total * fraction);
        int bucket = 0;
        for (long seen = drained[0]; seen < rank; seen += drained[bucket]) {
            bucket++;
        }
        return Math.round(Math.pow(GROWTH, bucket));
    }
}
