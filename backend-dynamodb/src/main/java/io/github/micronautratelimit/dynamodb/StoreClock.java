package io.github.micronautratelimit.dynamodb;

import java.time.Instant;
import java.util.function.LongSupplier;

import io.github.micronautratelimit.MicroClock;

/**
 * This machine's clock, corrected by DynamoDB's if it is clearly wrong.
 *
 * <p>Callers decide by their own clocks, because an update cannot read one. A machine whose clock is minutes ahead would
 * hold up everybody else's keys, so every answer's {@code Date} is looked at. It counts whole seconds, which together with
 * the instants of asking and answering bounds how far this clock is off; the bounds of several answers close in on it. As
 * long as the clock may be right to within a second, it is believed.
 *
 * <p>The machine's time is read anew each time, never counted on: a function that was frozen or restored from a snapshot
 * has slept through any amount of it.
 */
final class StoreClock implements MicroClock {

    private static final long TOLERATED = 1_000_000;
    private static final long SECOND = 1_000_000;
    private static final Bounds UNKNOWN = new Bounds(Long.MIN_VALUE, Long.MAX_VALUE);
    private static final Bounds UNTOLD = new Bounds(Long.MIN_VALUE, Long.MAX_VALUE);

    private final LongSupplier machine;
    private volatile Bounds offset = UNKNOWN;

    StoreClock() {
        this(StoreClock::machineMicros);
    }

    /** A clock on another machine's time, in microseconds since the epoch. */
    StoreClock(LongSupplier machine) {
        this.machine = machine;
    }

    static long machineMicros() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000;
    }

    /** How much the store's clock is ahead of this machine's, at least and at most. */
    private record Bounds(long least, long most) {

        Bounds and(Bounds other) {
            Bounds both = new Bounds(Math.max(least, other.least), Math.min(most, other.most));
            // A contradiction: one of the clocks was set, or the machine was frozen while it asked.
            return both.least <= both.most ? both : other;
        }

        long correction() {
            return least <= TOLERATED && most >= -TOLERATED ? 0 : least + (most - least) / 2;
        }
    }

    @Override
    public long micros() {
        return machine.getAsLong() + offset.correction();
    }

    /** The machine's own time, to be taken before a request and given to {@link #answered}. */
    long machineTime() {
        return machine.getAsLong();
    }

    /** Whether the store has told its time yet, or answered without telling it. */
    boolean isSet() {
        return offset != UNKNOWN;
    }

    /** Notes that an answer did not tell the time: something in between has taken the date away. */
    synchronized void untold() {
        if (offset == UNKNOWN) {
            offset = UNTOLD;
        }
    }

    /** Learns from an answer. */
    synchronized void answered(long asked, Instant date) {
        long told = date.getEpochSecond() * 1_000_000;
        offset = offset.and(new Bounds(told - machine.getAsLong(), told + SECOND - asked));
    }

    /** Forgets what was learnt: the machine may be another one. */
    synchronized void forget() {
        offset = UNKNOWN;
    }
}
