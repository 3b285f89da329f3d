package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.MicroClock;
import java.time.Instant;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The clock of this machine, corrected by the clock of DynamoDB if it is certainly wrong.
 *
 * <p>Callers decide by their own clocks, because an update cannot read one. A machine whose clock is minutes ahead
 * would delay the permits of all other machines. So the {@code Date} of every response is compared: it has whole
 * seconds, and together with the instants of request and response it bounds the error of this clock. The bounds of
 * several responses narrow it. A clock that may be right to within a second is not corrected.
 *
 * <p><em>Steps.</em> The bounds hold only until the clock is set. So each reading is compared with the monotonic clock
 * of the process: if the two have come apart by more than a second since the last response, the time is unknown until
 * the next one. This also notices that the machine was suspended, as a snapshot or a frozen function is, if its
 * monotonic clock stood still.
 *
 * <p>Safe for use by any number of threads.
 */
final class DynamoDbClock implements MicroClock {

    private static final long SECOND = 1_000_000;
    private static final long TOLERANCE_MICROS = SECOND;
    private static final long NANOS_PER_MICRO = 1_000;
    private static final Bounds UNKNOWN = new Bounds(Long.MIN_VALUE, Long.MAX_VALUE);

    private final LongSupplier machine;
    private final LongSupplier monotonicNanos;
    private volatile Bounds offset = UNKNOWN;
    private volatile @Nullable Reading answeredAt;

    DynamoDbClock() {
        this(DynamoDbClock::machineMicros, System::nanoTime);
    }

    /**
     * Creates a clock on the time of another machine.
     *
     * @param machine        the time in microseconds since the epoch; may jump
     * @param monotonicNanos nanoseconds since any instant
     */
    DynamoDbClock(LongSupplier machine, LongSupplier monotonicNanos) {
        this.machine = machine;
        this.monotonicNanos = monotonicNanos;
    }

    static long machineMicros() {
        Instant now = Instant.now();
        return now.getEpochSecond() * SECOND + now.getNano() / NANOS_PER_MICRO;
    }

    /**
     * Both clocks of the machine at one instant.
     *
     * @param micros the uncorrected time
     * @param nanos  the monotonic time
     */
    record Reading(long micros, long nanos) {

        /** Returns whether the clock was not set between an earlier reading and this one. */
        boolean follows(Reading earlier) {
            long stepped = micros - earlier.micros - (nanos - earlier.nanos) / NANOS_PER_MICRO;
            return Math.abs(stepped) <= TOLERANCE_MICROS;
        }
    }

    /** Bounds on how far the clock of the table is ahead of the clock of this machine. */
    private record Bounds(long least, long most) {

        Bounds and(Bounds other) {
            Bounds both = new Bounds(Math.max(least, other.least), Math.min(most, other.most));
            // They contradict each other if a clock was set by little, several times.
            return both.least <= both.most ? both : other;
        }

        long correction() {
            return least <= TOLERANCE_MICROS && most >= -TOLERANCE_MICROS ? 0 : least + (most - least) / 2;
        }
    }

    /** Reads both clocks; to be passed to {@link #answered} with the response. */
    Reading read() {
        return new Reading(machine.getAsLong(), monotonicNanos.getAsLong());
    }

    @Override
    public long micros() {
        return micros(read());
    }

    long micros(Reading reading) {
        return reading.micros + offset.correction();
    }

    /** Returns whether a response has arrived since the clock was last set. */
    boolean knows(Reading reading) {
        Reading last = answeredAt;
        return last != null && reading.follows(last);
    }

    /**
     * Records a response.
     *
     * @param sent the clocks before the request
     * @param date the time of the response; {@code null} if it has none, because a proxy has removed the header
     */
    synchronized void answered(Reading sent, @Nullable Instant date) {
        Reading received = read();
        if (!received.follows(sent)) {
            // The clock was set during the call, so the response does not give the present time.
            return;
        }
        Reading last = answeredAt;
        Bounds known = last != null && received.follows(last) ? offset : UNKNOWN;
        if (date != null) {
            long stated = date.getEpochSecond() * SECOND;
            known = known.and(new Bounds(stated - received.micros, stated + SECOND - sent.micros));
        }
        offset = known;
        answeredAt = received;
    }

    /** Forgets the time, because the machine may be another one. */
    synchronized void forget() {
        offset = UNKNOWN;
        answeredAt = null;
    }
}
