package io.github.micronautratelimit;

/**
 * The time in microseconds, for the memory backend and for stores without a clock of their own. Tests provide their
 * own.
 */
@FunctionalInterface
public interface MicroClock {

    /**
     * Returns the present time.
     *
     * @return microseconds since the epoch
     */
    long micros();

    /**
     * Returns the clock of this process. It shows the system time but never goes back. If the system clock is set back,
     * this clock continues from where it was. If the system clock jumps ahead by more than 100 ms, after a pause of the
     * machine, a frozen function or a correction, the next reading has caught up; a smaller difference is made up
     * within a second. Safe for use by any number of threads.
     *
     * @return always the same clock
     */
    static MicroClock system() {
        return SystemClock.INSTANCE;
    }
}
