package io.github.micronautratelimit.benchmarks;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;

/** The lower bound for a keyed limiter: finds the number of the key and changes it by one compare-and-set. */
public class Ceiling extends Limiter {

    private final ConcurrentHashMap<String, AtomicLong> numbers = new ConcurrentHashMap<>();

    @Override
    void visit(String key) {
        numbers.computeIfAbsent(key, each -> new AtomicLong());
    }

    private AtomicLong number(String key) {
        @Nullable AtomicLong number = numbers.get(key);
        return number != null ? number : numbers.computeIfAbsent(key, each -> new AtomicLong());
    }

    /** Has no clock and returns only the number. */
    @Benchmark
    public long ceiling(Cursor cursor) {
        AtomicLong number = number(cursor.next());
        while (true) {
            long seen = number.get();
            if (number.compareAndSet(seen, seen + 1)) {
                return seen + 1;
            }
        }
    }

    /** Reads the clock, as every limiter must that refills permits over time. */
    @Benchmark
    public long ceilingWithClock(Cursor cursor) {
        AtomicLong number = number(cursor.next());
        while (true) {
            long seen = number.get();
            long next = Math.max(seen, System.nanoTime()) + 1;
            if (number.compareAndSet(seen, next)) {
                return next;
            }
        }
    }
}
