package io.github.micronautratelimit.tck;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import io.github.micronautratelimit.MicroClock;

/**
 * A clock that stands still until it is moved. Safe for use by any number of threads.
 */
public final class VirtualClock implements MicroClock {

    private final AtomicLong now;

    /**
     * A clock that shows an instant.
     *
     * @param micros microseconds since the epoch
     */
    public VirtualClock(long micros) {
        this.now = new AtomicLong(micros);
    }

    /**
     * A clock that shows an instant.
     *
     * @param instant the instant; what is finer than a microsecond is cut off
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
     * @param micros microseconds; negative ones move it back
     */
    public void advance(long micros) {
        now.addAndGet(micros);
    }

    /**
     * Moves the clock.
     *
     * @param duration how far; what is finer than a microsecond is cut off
     */
    public void advance(Duration duration) {
        advance(TimeUnit.NANOSECONDS.toMicros(duration.toNanos()));
    }
}
