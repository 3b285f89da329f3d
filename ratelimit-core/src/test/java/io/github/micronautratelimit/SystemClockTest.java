package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import java.time.Duration;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SystemClockTest {

    private static final int THREADS = 4;

    @Test
    void clockShowsTheSystemTime() {
        long before = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
        long shown = MicroClock.system().micros();
        assertTrue(Math.abs(shown - before) < 1_000_000, () -> "off by " + (shown - before) + " us");
    }

    /** The nano time stands still while a machine is paused or a function is frozen; the system time does not. */
    @ParameterizedTest
    @ValueSource(longs = {101, 999, 60_000, 600_000, 86_400_000})
    void clockShowsThePauseOfTheMachineAtTheNextLook(long pauseMillis) {
        MachineTime machine = new MachineTime();
        SystemClock clock = new SystemClock(machine);
        for (int thaw = 1; thaw <= 39; thaw++) {
            machine.pass(20);
            assertEquals(machine.micros(), clock.micros());
            machine.pause(pauseMillis);
            assertEquals(machine.micros(), clock.micros(), "after " + thaw + " pauses");
        }
    }

    @Test
    void smallDifferenceToTheSystemTimeIsMadeUpOncePerSecond() {
        MachineTime machine = new MachineTime();
        SystemClock clock = new SystemClock(machine);
        machine.pause(99);
        assertEquals(machine.micros() - 99_000, clock.micros());
        machine.pass(1_000);
        assertEquals(machine.micros(), clock.micros());
    }

    /** Two clocks take twice as long to read as one. */
    @Test
    void readingsThatFollowEachOtherLookOnce() {
        MachineTime machine = new MachineTime();
        SystemClock clock = new SystemClock(machine);
        machine.pass(1);
        for (int i = 0; i < 1_000; i++) {
            assertEquals(machine.micros(), clock.micros());
        }
        assertEquals(1, machine.looks);
    }

    @Test
    void systemTimeThatIsSetBackSetsNothingBackAndStopsNothing() {
        MachineTime machine = new MachineTime();
        SystemClock clock = new SystemClock(machine);
        long before = clock.micros();
        machine.wallMicros -= 3_600_000_000L;
        for (int second = 1; second <= 5_000; second++) {
            machine.pass(1_000);
            assertEquals(Math.max(before + second * 1_000_000L, machine.micros()), clock.micros());
        }
    }

    /** A case seen on a frozen function: denials of the cache and of the memory were minutes too long. */
    @Test
    void callerAfterAPauseIsGrantedWhatCameBackMeanwhile() {
        MachineTime machine = new MachineTime();
        MemoryBackend store = new MemoryBackend(new SystemClock(machine), 100);
        Policy policy = Policy.of("p", "5/min");
        try (RateLimiter limiter = RateLimiter.builder(new ForwardingBackend(store) {
                    @Override
                    public boolean isLocal() {
                        return false;
                    }
                })
                .clock(new SystemClock(machine))
                .deadline(Duration.ofSeconds(30))
                .build()) {
            for (int thaw = 0; thaw < 39; thaw++) {
                for (int i = 0; i < 5; i++) {
                    assertTrue(limiter.tryAcquire(policy, "key").allowed(), "after a pause");
                }
                assertFalse(limiter.tryAcquire(policy, "key").allowed(), "without one");
                machine.pass(20);
                assertFalse(limiter.tryAcquire(policy, "key").allowed(), "without one");
                machine.pause(600_000);
            }
        }
    }

    private static final class MachineTime implements SystemClock.Time {

        private long wallMicros = 1_700_000_000_000_123L;
        private long nanos = Long.MAX_VALUE - 1_000;
        private int looks;

        /** The process then runs until it looks at the system clock again. */
        void pause(long millis) {
            wallMicros += millis * 1_000 + SystemClock.LOOK_NANOS / 1_000;
            nanos += SystemClock.LOOK_NANOS;
        }

        void pass(long millis) {
            wallMicros += millis * 1_000;
            nanos += millis * 1_000_000;
        }

        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public long millis() {
            looks++;
            return wallMicros / 1_000;
        }

        @Override
        public long micros() {
            return wallMicros;
        }
    }

    /** Long enough for several anchors, because the clock sets one per second. */
    @Test
    void clockNeverGoesBackFromOneThreadToAnother() throws Exception {
        AtomicLong latest = new AtomicLong();
        AtomicLong readings = new AtomicLong();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(5_500);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<Long>> largestSteps = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                largestSteps.add(threads.submit(() -> {
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
            for (Future<Long> back : largestSteps) {
                assertEquals(0, back.get(60, TimeUnit.SECONDS), "microseconds back");
            }
            assertTrue(readings.get() > 10_000);
        } finally {
            threads.shutdownNow();
        }
    }
}
