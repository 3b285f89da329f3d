package io.github.micronautratelimit;

import java.time.Instant;

/**
 * Adds {@link System#nanoTime()} to an anchor. The nano time never goes back, but it stands still while a virtual
 * machine is paused or a function is frozen, and it knows no corrections of the system clock.
 *
 * <p>A reading therefore looks at the system clock too, unless the last look was less than {@value #LOOK_NANOS} ns ago
 * by the nano time: two clocks take twice as long to read, and a thawed process runs for longer before its first
 * decision. If the system clock is more than {@value #AHEAD_MILLIS} ms ahead, a new anchor is set at once, otherwise
 * once per second. An anchor is never earlier than the time shown before, so a system clock that is set back stops
 * nothing and sets nothing back.
 */
final class SystemClock implements MicroClock {

    static final SystemClock INSTANCE = new SystemClock(new SystemTime());

    /** Longer than the step of a coarse system clock, and than the usual correction of a running one. */
    static final long AHEAD_MILLIS = 100;

    /** The least nano time between two looks at the system clock. */
    static final long LOOK_NANOS = 50_000;

    private static final long ANCHOR_NANOS = 1_000_000_000L;
    private static final long NANOS_PER_MICRO = 1_000;
    private static final long MICROS_PER_MILLI = 1_000;

    private final Time time;
    private volatile Anchor anchor;

    /** The clocks of the machine. */
    interface Time {

        /** Returns a time that never goes back, from an arbitrary origin. */
        long nanos();

        /** Returns the time since the epoch, which may jump. */
        long millis();

        /** Returns the same time in microseconds. */
        long micros();
    }

    SystemClock(Time time) {
        this.time = time;
        this.anchor = new Anchor(time.micros(), time.nanos());
    }

    @Override
    public long micros() {
        while (true) {
            Anchor current = anchor;
            long nanos = time.nanos();
            // A new anchor may be ahead. A thread that has not read it must not return an earlier time after one that
            // has.
            if (current == anchor) {
                long passed = nanos - current.nanos;
                long shown = current.micros + passed / NANOS_PER_MICRO;
                if (nanos - current.lookedNanos < LOOK_NANOS) {
                    return shown;
                }
                if (passed < ANCHOR_NANOS && (time.millis() - AHEAD_MILLIS) * MICROS_PER_MILLI < shown) {
                    current.lookedNanos = nanos;
                    return shown;
                }
                setAnchor(current, nanos);
            }
        }
    }

    private synchronized void setAnchor(Anchor current, long nanos) {
        if (current == anchor) {
            long passed = nanos - current.nanos;
            long counted = current.micros + passed / NANOS_PER_MICRO;
            // Without its fraction of a microsecond, the anchor would set the clock back by that fraction.
            anchor = new Anchor(Math.max(counted, time.micros()), nanos - passed % NANOS_PER_MICRO);
        }
    }

    /** A time and the nano time at which it was valid. */
    private static final class Anchor {

        private final long micros;
        private final long nanos;
        /** The nano time of the last look at the system clock. */
        private volatile long lookedNanos;

        Anchor(long micros, long nanos) {
            this.micros = micros;
            this.nanos = nanos;
            this.lookedNanos = nanos;
        }
    }

    private static final class SystemTime implements Time {

        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public long millis() {
            return System.currentTimeMillis();
        }

        @Override
        public long micros() {
            Instant now = Instant.now();
            return now.getEpochSecond() * 1_000_000L + now.getNano() / 1_000;
        }
    }
}
