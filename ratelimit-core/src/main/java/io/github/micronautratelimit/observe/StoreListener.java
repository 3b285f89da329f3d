package io.github.micronautratelimit.observe;

import io.github.micronautratelimit.Policy;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Receives the begin and the end of every call to a store, for latencies and traces.
 *
 * <p>Many threads call a listener at the same time, among them threads of the store's client. It must be fast and must
 * not block. An exception of a listener is logged the first time and counted. It changes no decision.
 */
@FunctionalInterface
public interface StoreListener {

    /** The purpose of a call. */
    enum Operation {
        /** Acquires permits under one policy. */
        ACQUIRE,
        /** Acquires permits for several requests on one key. */
        ACQUIRE_BATCH,
        /** Acquires permits under several policies. */
        ACQUIRE_ALL,
        /** Returns a decision, or the usage of a key, without taking permits or a slot. */
        PEEK,
        /** Refunds permits. */
        REFUND,
        /** Takes permits on an estimate. */
        RESERVE,
        /** Ends a reservation with the permits used. */
        SETTLE,
        /** Blocks a key for a time. */
        BLOCK,
        /** Removes a key. */
        RESET,
        /** Acquires a slot of a concurrency limit. */
        ACQUIRE_LEASE,
        /** Renews the lease of a slot. */
        RENEW_LEASE,
        /** Releases a slot. */
        RELEASE_LEASE
    }

    /** The outcome of a call. */
    enum Outcome {
        /** The store answered; it may have denied. */
        ANSWERED,
        /** The store failed. */
        FAILED,
        /** The deadline passed, or the caller cancelled the call. */
        LATE
    }

    /** A call under way. */
    @FunctionalInterface
    interface StoreCall {

        /**
         * Receives the end of the call.
         *
         * @param outcome  the outcome
         * @param duration the duration of the call
         * @param failure  the exception of the store or its client; {@code null} if the store answered
         */
        void onEnd(Outcome outcome, Duration duration, @Nullable Throwable failure);
    }

    /**
     * Receives the begin of a call, on the thread that makes it.
     *
     * @param store     the name of the store in the configuration
     * @param operation the purpose of the call
     * @param policies  at least one policy
     * @return receives the end of the call
     */
    StoreCall onCall(String store, Operation operation, List<Policy> policies);
}
