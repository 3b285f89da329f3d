package io.github.micronautratelimit.simulator.run;

/** Intervals of equal length from the first request on. If time exceeds the last one, their length doubles. */
final class TimeGrid {

    private static final long SECOND = 1_000_000;

    private final int intervals;
    private long originMicros = -1;
    private long widthMicros = SECOND;
    private int doublings;

    TimeGrid(int intervals) {
        this.intervals = intervals;
    }

    /** Returns the interval of a time that is not before the first one. */
    int index(long micros) {
        if (originMicros < 0) {
            originMicros = micros - Math.floorMod(micros, SECOND);
        }
        while ((micros - originMicros) / widthMicros >= intervals) {
            widthMicros *= 2;
            doublings++;
        }
        return (int) Math.max(0, (micros - originMicros) / widthMicros);
    }

    int intervals() {
        return intervals;
    }

    int doublings() {
        return doublings;
    }

    long originMicros() {
        return originMicros;
    }

    long widthMicros() {
        return widthMicros;
    }
}
