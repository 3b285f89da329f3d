package io.github.micronautratelimit;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Is told of every call to a store, when it begins and when it ends: for latency and traces. Called by many threads at
 * once, the store's among them: be quick and never block. What it throws is logged the first time and counted, and
 * changes nothing.
 */
@FunctionalInterface
public interface StoreListener {

    /** What a store is called for. */
    enum Operation {
        /** Permits under one policy. */
        ACQUIRE,
        /** Permits for several requests on one key. */
        ACQUIRE_EACH,
        /** Permits under several policies. */
        ACQUIRE_ALL,
        /** A look. */
        PEEK,
        /** Permits given back. */
        REFUND,
        /** A key blocked for a time. */
        BLOCK,
        /** A key forgotten. */
        RESET,
        /** A place under a concurrency limit. */
        ACQUIRE_LEASE,
        /** A place kept. */
        RENEW_LEASE,
        /** A place given back. */
        RELEASE_LEASE
    }

    /** How a call ended. */
    enum Outcome {
        /** The store answered; it may have denied. */
        ANSWERED,
        /** The store failed. */
        FAILED,
        /** Nobody waits any more: the deadline has passed. */
        LATE
    }

    /** A call under way. */
    @FunctionalInterface
    interface Call {

        /**
         * The call has ended.
         *
         * @param outcome  how
         * @param duration how long it took
         * @param failure  what the store or its client threw; {@code null} if it answered
         */
        void onEnd(Outcome outcome, Duration duration, @Nullable Throwable failure);
    }

    /**
     * A call begins, on the thread that asks for it.
     *
     * @param store     what the store is called in the configuration
     * @param operation what is asked for
     * @param policies  under which policies, at least one
     * @return told when the call ends
     */
    Call onCall(String store, Operation operation, List<Policy> policies);
}
