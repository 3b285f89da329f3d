package io.github.micronautratelimit.management;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.StoreListener;
import jakarta.inject.Singleton;

/**
 * How long calls to the store take: counted in ranges of which each reaches a fifth further than the one before, from 1
 * microsecond to a minute and more.
 */
@Singleton
@RequiresDashboard
final class StoreLatency implements StoreListener {

    private static final double GROWTH = 1.2;
    /** 1.2 to the power of 99 microseconds are more than a minute. */
    private static final int RANGES = 100;
    private static final double MEDIAN = 0.5;
    private static final double HIGH = 0.99;

    private final AtomicLongArray calls = new AtomicLongArray(RANGES);

    @Override
    public Call onCall(String store, Operation operation, List<Policy> policies) {
        return this::ended;
    }

    private void ended(Outcome outcome, Duration duration, @Nullable Throwable failure) {
        if (outcome == Outcome.ANSWERED) {
            calls.incrementAndGet(range(duration.toNanos() / 1e3));
        }
    }

    private static int range(double micros) {
        return micros <= 1 ? 0 : (int) Math.min(RANGES - 1, Math.ceil(Math.log(micros) / Math.log(GROWTH)));
    }

    /** The calls answered since this was asked last, and how long they took: the ends of ranges, in microseconds. */
    Map<String, Object> drain() {
        long[] drained = new long[RANGES];
        long all = 0;
        for (int range = 0; range < RANGES; range++) {
            drained[range] = calls.getAndSet(range, 0);
            all += drained[range];
        }
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("calls", all);
        if (all > 0) {
            told.put("p50", micros(drained, all, MEDIAN));
            told.put("p99", micros(drained, all, HIGH));
            told.put("max", micros(drained, all, 1));
        }
        return told;
    }

    private static long micros(long[] drained, long all, double share) {
        long wanted = (long) Math.ceil(all * share);
        int range = 0;
        for (long seen = drained[0]; seen < wanted; seen += drained[range]) {
            range++;
        }
        return Math.round(Math.pow(GROWTH, range));
    }
}
