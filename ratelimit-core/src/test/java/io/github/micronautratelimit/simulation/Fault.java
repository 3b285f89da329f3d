package io.github.micronautratelimit.simulation;

import java.time.Duration;

/**
 * Something that goes wrong for a time.
 *
 * @param kind     what goes wrong
 * @param part     the part of the store, or {@link #ALL}
 * @param instance the instance whose calls or life it concerns, or {@link #ALL}
 * @param percent  the share of calls that it concerns
 * @param from     the beginning, in milliseconds since the start of the run
 * @param until    the end, in milliseconds since the start of the run
 */
record Fault(Kind kind, int part, int instance, int percent, long from, long until) {

    static final int ALL = -1;

    /** The ways in which something goes wrong. */
    enum Kind {
        /** The store rejects calls at once and executes none. */
        REFUSES,
        /** Calls are executed, in their order, when the fault is over. */
        HANGS,
        /** Calls take up to three deadlines. */
        IS_SLOW,
        /** Calls never arrive, and nothing is replied. */
        LOSES_CALLS,
        /** Calls are executed, and their replies are lost. */
        LOSES_REPLIES,
        /** Calls are executed or not, and fail at once with an unknown outcome. */
        BREAKS_CONNECTIONS,
        /** The store rejects the calls on one key, because it gets too many. */
        THROTTLES,
        /** Calls for permits and slots are delivered twice, and executed twice. */
        DELIVERS_TWICE,
        /** The part loses all data at the beginning. */
        RESTARTS_EMPTY,
        /** The part loses the writes of the last {@code until - from} at the beginning. */
        FAILS_OVER,
        /** The instance dies, and starts again without its memory at the end. */
        INSTANCE_DIES,
        /** The instance closes its limiter, and starts again at the end. */
        INSTANCE_STOPS,
        /** The clock of the instance steps ahead by {@code until - from} at the beginning. */
        CLOCK_STEPS;

        boolean isOfCalls() {
            return ordinal() <= DELIVERS_TWICE.ordinal();
        }

        boolean losesData() {
            return this == RESTARTS_EMPTY || this == FAILS_OVER;
        }

        boolean endsInstance() {
            return this == INSTANCE_DIES || this == INSTANCE_STOPS;
        }

        boolean isOfInstance() {
            return endsInstance() || this == CLOCK_STEPS;
        }
    }

    boolean concernsPart(int other) {
        return !kind.isOfInstance() && (part == ALL || part == other);
    }

    boolean concernsCalls(int ofInstance, int toPart, long nanosSinceStart) {
        return kind.isOfCalls()
                && concernsPart(toPart)
                && (instance == ALL || instance == ofInstance)
                && nanosSinceStart >= Duration.ofMillis(from).toNanos()
                && nanosSinceStart < Duration.ofMillis(until).toNanos();
    }
}
