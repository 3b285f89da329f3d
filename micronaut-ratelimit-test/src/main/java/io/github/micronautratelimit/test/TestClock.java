package io.github.micronautratelimit.test;

import io.github.micronautratelimit.MicroClock;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The clock of the limiter in a {@link RateLimitTest}. It advances only when the test moves it. Inject it into the
 * test. Safe for use by any number of threads.
 */
@Singleton
@Replaces(MicroClock.class)
@Requires(property = RateLimitTest.ENABLED, value = "true")
public final class TestClock implements MicroClock {

    private final AtomicLong micros = new AtomicLong(micros(Instant.now()));

    TestClock() {}

    @Override
    public long micros() {
        return micros.get();
    }

    /**
     * Returns the time.
     *
     * @return the time in whole microseconds
     */
    public Instant now() {
        return Instant.EPOCH.plus(micros(), ChronoUnit.MICROS);
    }

    /**
     * Moves the clock forward, as if the test had waited.
     *
     * @param time 0 or more; a fraction of a microsecond is cut off
     * @throws IllegalArgumentException if the time is negative
     */
    public void advance(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("The clock would go back by " + time.negated()
                    + ", but a limiter never goes back; write a time of 0 or more.");
        }
        micros.addAndGet(micros(Instant.EPOCH.plus(time)));
    }

    /** Sets the clock while the limits have no state. */
    void set(Instant time) {
        micros.set(micros(time));
    }

    private static long micros(Instant time) {
        return Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1_000_000), time.getNano() / 1_000);
    }
}
