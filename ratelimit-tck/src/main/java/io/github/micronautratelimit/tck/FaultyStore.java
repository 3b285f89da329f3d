package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.RateLimitBackend;
import java.util.EnumSet;
import java.util.Set;

/**
 * A store that {@link FaultContract} can break and heal. For a real server these methods kill it, stop its process, or
 * control a proxy in front of it. {@link FaultInjectingBackend} simulates the faults in front of any backend.
 */
public interface FaultyStore extends AutoCloseable {

    /** A fault. */
    enum Fault {

        /** Every call fails at once and none is executed, because the server is down. */
        REFUSED(true, false),

        /** No call is answered, because the process is stopped. Calls that were sent are executed after the healing. */
        HUNG(true, true),

        /** Connections are open, but calls get lost. They are never executed. */
        HALF_OPEN(true, false),

        /** Every call is executed and answered, but only after many times the deadline. */
        SLOW(true, true),

        /** Every call is executed, but no answer arrives. */
        REPLY_LOST(true, true),

        /** Every call is executed twice and answered once. */
        DELIVERED_TWICE(false, true),

        /** Every call fails with an error of the store, and none is executed. */
        ERRORS(true, false);

        private final boolean failsCalls;
        private final boolean executesCalls;

        Fault(boolean failsCalls, boolean executesCalls) {
            this.failsCalls = failsCalls;
            this.executesCalls = executesCalls;
        }

        /**
         * Returns whether calls fail or get no answer in time.
         *
         * @return {@code false} if the store decides in spite of the fault
         */
        public boolean failsCalls() {
            return failsCalls;
        }

        /**
         * Returns whether the store executes the calls that it receives, during the fault or after the healing.
         *
         * @return {@code false} if calls during the fault have no effect
         */
        public boolean executesCalls() {
            return executesCalls;
        }
    }

    /**
     * Returns the backend whose store the faults affect. Its clock is the clock of the system or of the store.
     *
     * @return always the same backend
     */
    RateLimitBackend backend();

    /**
     * Returns the faults that this store can have. The default is all.
     *
     * @return the faults to test
     */
    default Set<Fault> faults() {
        return EnumSet.allOf(Fault.class);
    }

    /**
     * Returns whether {@link RateLimitBackend#concurrency()} of the backend keeps slots. The default is {@code true}.
     *
     * @return {@code false} to skip the cases about slots
     */
    default boolean keepsSlots() {
        return true;
    }

    /**
     * Returns the number of open connections to the store.
     *
     * @return 0 or more; the default, 0, is for a store without connections
     */
    default int connections() {
        return 0;
    }

    /**
     * Breaks the store until it is healed.
     *
     * @param fault one of {@link #faults()}
     */
    void inject(Fault fault);

    /** Ends the fault. Returns when the store can answer calls again. */
    void heal();

    /** Closes the backend and all that this instance has opened. A second call does nothing. */
    @Override
    void close();
}
