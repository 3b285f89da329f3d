package io.github.micronautratelimit;

import java.time.Instant;

/**
 * Counts on with {@link System#nanoTime()}, which is quicker to read than the system's time and never steps back, from
 * an anchor that is laid anew every second.
 */
final class SystemClock implements MicroClock {

    static final SystemClock INSTANCE = new SystemClock();

    private static final long ANCHOR_NANOS = 1_000_000_000L;

    private volatile Anchor anchor = new Anchor(systemMicros(), System.nanoTime());

    @Override
    public long micros() {
        Anchor last = anchor;
        long passed = System.nanoTime() - last.nanos;
        long micros = last.micros + passed / 1_000;
        return passed < ANCHOR_NANOS ? micros : anchored(micros);
    }

    private synchronized long anchored(long micros) {
        long nanos = System.nanoTime();
        long counted = anchor.micros + (nanos - anchor.nanos) / 1_000;
        anchor = new Anchor(Math.max(counted, systemMicros()), nanos);
        return Math.max(micros, anchor.micros);
    }

    private static long systemMicros() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000L + now.getNano() / 1_000;
    }

    /** A time and the reading of the counter that belongs to it. */
    private record Anchor(long micros, long nanos) {
    }
}
