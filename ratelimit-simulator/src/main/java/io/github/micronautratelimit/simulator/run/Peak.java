package io.github.micronautratelimit.simulator.run;

/** The most requests of a key in one interval, such as a minute, of the clock. */
final class Peak {

    static final long SECOND = 1_000_000;
    static final long MINUTE = 60 * SECOND;

    private final long length;
    private long interval = -1;
    private int count;
    private int most;

    Peak(long length) {
        this.length = length;
    }

    void add(long micros) {
        long current = micros / length;
        if (current != interval) {
            interval = current;
            count = 0;
        }
        count++;
        most = Math.max(most, count);
    }

    int most() {
        return most;
    }
}
