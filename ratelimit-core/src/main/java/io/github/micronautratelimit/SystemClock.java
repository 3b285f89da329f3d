package io.github.micronautratelimit;

import java.time.Instant;

/**
 * Counts on with {@link System#nanoTime()}, which is quicker to read than the system's time and never steps back, from
 * an anchor that is laid anew every second.
 */
final class SystemClock implements MicroClock {

    static final SystemClock INSTANCE = new SystemClock();

    private static final long ANCHOR_NANOS = 1_000_000_000L;
    private static final long NANOS_PER_MICRO = 1_000;

    private volatile Anchor anchor = new Anchor(systemMicros(), System.nanoTime());

    @Override
    public long micros() {
        while (true) {
            Anchor current = anchor;
            long nanos = System.nanoTime();
            // An anchor laid meanwhile may be ahead: who read it must not be followed by one who did not.
            if (current == anchor) {
                long passed = nanos - current.nanos;
                if (passed < ANCHOR_NANOS) {
                    return current.micros + passed / NANOS_PER_MICRO;
                }
                layAnchor(current, nanos);
            }
        }
    }

    private synchronized void layAnchor(Anchor current, long nanos) {
        if (current == anchor) {
            long passed = nanos - current.nanos;
            long counted = current.micros + passed / NANOS_PER_MICRO;
            // The fraction of a microsecond stays before the anchor, or the clock would step back by it.
            anchor = new Anchor(Math.max(counted, systemMicros()), nanos - passed % NANOS_PER_MICRO);
        }
    }

    private static long systemMicros() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000L + now.getNano() / 1_000;
    }

    /** A time and the reading of the counter that belongs to it. */
    private record Anchor(long micros, long nanos) {
    }
}
