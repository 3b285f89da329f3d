package io.github.micronautratelimit;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Statistics of a limiter and its layers at one moment. Counts start with the limiter. See {@link RateLimiter#stats()}.
 *
 * @param listenerFailures  exceptions of {@link RateLimitListener}s and store listeners
 * @param eventsDropped     events that listeners did not receive because they were too slow
 * @param denyCacheHits     requests denied from the deny cache, each of which saved a call to the store
 * @param localLimitDenials requests denied by a local limit
 * @param waiting           callers that wait in turn now
 * @param store             the guarded store; {@code null} without a guard, as in memory
 * @param prefetch          the prefetched permits; {@code null} without prefetching, as in memory
 * @param coalescing        how requests share calls to the store; {@code null} if they do not
 * @param memory            the keys in memory: all keys, or with a store those of the local fallback
 */
public record LimiterStats(
        long listenerFailures,
        long eventsDropped,
        long denyCacheHits,
        long localLimitDenials,
        long waiting,
        @Nullable Store store,
        @Nullable Prefetch prefetch,
        @Nullable Coalescing coalescing,
        @Nullable Memory memory) {

    /**
     * Statistics of a guarded store.
     *
     * @param name              its name in the configuration
     * @param breaker           the state of its circuit breaker: {@code CLOSED} while the store is called, {@code OPEN}
     *                          while a part of it is not, {@code HALF_OPEN} during a probe
     * @param transitions       changes of the states of the breakers of all parts
     * @param inOutage          whether an outage is on: a breaker has opened, and a part does not answer or has not
     *                          until lately
     * @param outage            the total time of all outages
     * @param failures          calls that failed or passed their deadline
     * @param permanentFailures calls that failed with a {@link NonRetryableStoreException}
     * @param unchargedPermits  permits that {@code on-error} granted and that will not be charged to the store: with
     *                          {@code open}, after late answers, or beyond the room that the store had left
     */
    public record Store(
            String name,
            String breaker,
            long transitions,
            boolean inOutage,
            Duration outage,
            long failures,
            long permanentFailures,
            long unchargedPermits) {}

    /**
     * Statistics of prefetched permits.
     *
     * @param held     permits that are prefetched now, not granted yet and spent for all other instances
     * @param taken    permits that were prefetched
     * @param granted  prefetched permits that were granted
     * @param returned prefetched permits that were refunded to the store
     * @param expired  prefetched permits that were neither granted nor refunded, because their window ended, the key
     *                 was reset or the refund failed
     */
    public record Prefetch(long held, long taken, long granted, long returned, long expired) {}

    /**
     * Statistics of coalesced calls.
     *
     * @param decisions the requests that were decided
     * @param calls     the calls that decided them
     */
    public record Coalescing(long decisions, long calls) {

        /**
         * Returns how many requests a call decides.
         *
         * @return the average since the start; 1 before the first call
         */
        public double ratio() {
            return calls == 0 ? 1 : (double) decisions / calls;
        }
    }

    /**
     * Statistics of the keys in the memory of this process.
     *
     * @param liveKeys        the keys that occupy memory now; with a store, those that {@code on-error: local} counts
     * @param sharedDecisions decisions on keys that shared a counter because the bound on live keys was reached
     */
    public record Memory(long liveKeys, long sharedDecisions) {}

    /** Collects statistics while a limiter walks through its layers. Not thread-safe. */
    public static final class Collector {

        private long listenerFailures;
        private long eventsDropped;
        private long denyCacheHits;
        private long localLimitDenials;
        private long waiting;
        private @Nullable Store store;
        private @Nullable Prefetch prefetch;
        private @Nullable Coalescing coalescing;
        private @Nullable Memory memory;

        Collector() {}

        /**
         * Adds exceptions of listeners.
         *
         * @param failures a count
         */
        public void addListenerFailures(long failures) {
            listenerFailures += failures;
        }

        void addEventsDropped(long dropped) {
            eventsDropped += dropped;
        }

        /**
         * Adds denials of a deny cache.
         *
         * @param hits a count
         */
        public void addDenyCacheHits(long hits) {
            denyCacheHits += hits;
        }

        /**
         * Adds denials of a local limit.
         *
         * @param denials a count
         */
        public void addLocalLimitDenials(long denials) {
            localLimitDenials += denials;
        }

        void addWaiting(long callers) {
            waiting += callers;
        }

        /**
         * Sets the statistics of the guarded store.
         *
         * @param stats the statistics
         */
        public void store(Store stats) {
            store = stats;
        }

        /**
         * Sets the statistics of prefetched permits.
         *
         * @param stats the statistics
         */
        public void prefetch(Prefetch stats) {
            prefetch = stats;
        }

        /**
         * Sets the statistics of coalesced calls.
         *
         * @param stats the statistics
         */
        public void coalescing(Coalescing stats) {
            coalescing = stats;
        }

        /**
         * Sets the statistics of the keys in memory.
         *
         * @param stats the statistics
         */
        public void memory(Memory stats) {
            memory = stats;
        }

        LimiterStats collected() {
            return new LimiterStats(
                    listenerFailures,
                    eventsDropped,
                    denyCacheHits,
                    localLimitDenials,
                    waiting,
                    store,
                    prefetch,
                    coalescing,
                    memory);
        }
    }
}
