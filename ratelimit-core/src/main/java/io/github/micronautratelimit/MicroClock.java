package io.github.micronautratelimit;

/**
 * Tells the time. Backends whose store has no clock of its own, and the memory backend, read it; tests pass their own.
 */
@FunctionalInterface
public interface MicroClock {

    /**
     * The time now.
     *
     * @return microseconds since the epoch
     */
    long micros();

    /**
     * The clock of this process. It shows the system's time, but never goes back: if the system clock is set back, it
     * runs on from where it was, and if the system clock is ahead, after a pause of the machine or a correction, it
     * catches up within a second. Safe for use by any number of threads.
     *
     * @return the clock
     */
    static MicroClock system() {
        return SystemClock.INSTANCE;
    }
}
