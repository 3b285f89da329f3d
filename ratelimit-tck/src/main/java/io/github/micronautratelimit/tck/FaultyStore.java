package io.github.micronautratelimit.tck;

import java.util.EnumSet;
import java.util.Set;

import io.github.micronautratelimit.RateLimitBackend;

/**
 * A store that can be broken and healed, as {@link FaultContract} sees it. For a real server these verbs kill it, stop its
 * process, or stand in between as a proxy; {@link FaultyWire} does as if, before any backend.
 */
public interface FaultyStore extends AutoCloseable {

    /** What can be wrong. */
    enum Fault {

        /** Every call fails at once, and none is carried out: the server is not there. */
        REFUSED,

        /** No call is answered. What was sent is carried out when the store is healed: its process was stopped. */
        HUNG,

        /** Connections are there, but nothing comes through, neither then nor later. */
        HALF_OPEN,

        /** Every call is carried out and answered, but only after many times the deadline. */
        SLOW,

        /** Every call is carried out, and no answer comes back. */
        REPLY_LOST,

        /** Every call is carried out twice and answered once. */
        DELIVERED_TWICE,

        /** Every call fails with an error of the store, and none is carried out. */
        ERRORS;

        /** Whether calls are not answered in time, or not with a decision. */
        public boolean leavesWithoutAnswer() {
            return this != DELIVERED_TWICE;
        }
    }

    /**
     * The backend that the faults befall. Its clock is the system's or the store's.
     *
     * @return always the same one
     */
    RateLimitBackend backend();

    /**
     * What can be done to this store. The default is everything.
     *
     * @return some faults
     */
    default Set<Fault> faults() {
        return EnumSet.allOf(Fault.class);
    }

    /**
     * How many connections to the store are open now.
     *
     * @return 0 or more; the default is for those without a wire
     */
    default int connections() {
        return 0;
    }

    /**
     * Breaks the store, until it is healed.
     *
     * @param fault one of {@link #faults()}
     */
    void inject(Fault fault);

    /** Ends what is wrong, and returns when calls can be answered again. */
    void heal();

    /** Closes the backend, and what else this instance has opened. */
    @Override
    void close();
}
