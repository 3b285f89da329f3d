package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.MicroClock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A clock that a test moves. Safe for use by any number of threads. */
public final class VirtualClock implements MicroClock {

    private final AtomicLong now;

    /**
     * Creates a clock.
     *
     * @param micros the time in microseconds since the epoch
     */
    public VirtualClock(long micros) {
        this.now = new AtomicLong(micros);
    }

    /**
     * Creates a clock.
     *
     * @param instant the time; a fraction of a microsecond is cut off
     * @return a new clock
     */
    public static VirtualClock at(Instant instant) {
        return new VirtualClock(instant.getEpochSecond() * 1_000_000 + instant.getNano() / 1_000);
    }

    @Override
    public long micros() {
        return now.get();
    }

    /**
     * Sets the clock, forward or back.
     *
     * @param micros microseconds since the epoch
     */
    public void set(long micros) {
        now.set(micros);
    }

    /**
     * Moves the clock.
     *
     * @param micros microseconds; a negative number moves it back
     */
    public void advance(long micros) {
        now.addAndGet(micros);
    }

    /**
     * Moves the clock.
     *
     * @param duration the time to add; a fraction of a microsecond is cut off
     */
    public void advance(Duration duration) {
        advance(TimeUnit.NANOSECONDS.toMicros(duration.toNanos()));
    }
}
