package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;

class SystemClockTest {

    private static final int THREADS = 4;

    @Test
    void itShowsTheSystemsTime() {
        long before = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
        long shown = MicroClock.system().micros();
        assertTrue(Math.abs(shown - before) < 1_000_000, () -> "off by " + (shown - before) + " us");
    }

    /** Long enough for several anchors, which are laid once a second. */
    @Test
    void whatOneThreadHasSeenNoOtherSeesLess() throws Exception {
        AtomicLong latest = new AtomicLong();
        AtomicLong readings = new AtomicLong();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(5_500);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<Long>> steps = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                steps.add(threads.submit(() -> {
                    long back = 0;
                    long count = 0;
                    while (System.nanoTime() < end) {
                        long seen = latest.get();
                        long now = MicroClock.system().micros();
                        back = Math.max(back, seen - now);
                        latest.accumulateAndGet(now, Math::max);
                        count++;
                    }
                    readings.addAndGet(count);
                    return back;
                }));
            }
            for (Future<Long> step : steps) {
                assertEquals(0, step.get(60, TimeUnit.SECONDS), "microseconds back");
            }
            assertTrue(readings.get() > 10_000);
        } finally {
            threads.shutdownNow();
        }
    }
}
