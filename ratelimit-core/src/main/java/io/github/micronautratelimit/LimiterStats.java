package io.github.micronautratelimit;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

/**
 * How a limiter and what it stands on are doing, as of now; counts are since the start. See {@link RateLimiter#stats()}.
 *
 * @param listenerFailures  how often a {@link RateLimitListener} or {@link StoreListener} threw something
 * @param eventsDropped     the events that listeners were not told of, because they were too slow
 * @param denyCacheHits     the requests denied by the {@link DenyCache}, each of which saved a call to the store
 * @param localLimitDenials the requests denied by a {@link LocalLimit}
 * @param store             how the store is doing; {@code null} without a {@link Guard}, as with memory
 * @param leases            the permits taken ahead; {@code null} without {@link PermitLeases}, as with memory
 * @param sharing           how requests share calls to the store; {@code null} if they do not
 * @param memory            the keys in memory; {@code null} if a store remembers them
 */
public record LimiterStats(long listenerFailures, long eventsDropped, long denyCacheHits, long localLimitDenials,
                           @Nullable Store store, @Nullable Leases leases,
                           @Nullable Sharing sharing, @Nullable Memory memory) {

    /**
     * How a guarded store is doing.
     *
     * @param name        what it is called in the configuration
     * @param breaker     the state of its circuit breaker: {@code CLOSED} while it is asked, {@code OPEN} while it is
     *                    not, {@code HALF_OPEN} while it is tried
     * @param transitions how often the breaker changed its state
     * @param inOutage    whether on-error has answered lately
     * @param outage      how long on-error has been answering, all outages together
     * @param failures    the calls that failed or were late
     * @param defects     the calls that failed with a {@link RateLimitDefectException}
     */
    public record Store(String name, String breaker, long transitions, boolean inOutage, Duration outage, long failures,
                        long defects) {
    }

    /**
     * The permits taken ahead for keys that are asked for often.
     *
     * @param held     those there are now: spent for everybody else and not granted yet
     * @param taken    those taken
     * @param granted  those granted without asking the store
     * @param returned those given back
     * @param lapsed   those neither granted nor given back: their window was over, the key was reset, or giving back failed
     */
    public record Leases(long held, long taken, long granted, long returned, long lapsed) {
    }

    /**
     * How requests share calls to a store.
     *
     * @param decisions the requests decided
     * @param calls     the calls made for them
     */
    public record Sharing(long decisions, long calls) {

        /**
         * How many requests a call decides.
         *
         * @return the average since the start; 1 before the first call
         */
        public double ratio() {
            return calls == 0 ? 1 : (double) decisions / calls;
        }
    }

    /**
     * The keys in this process's memory.
     *
     * @param liveKeys        the keys that take up room now
     * @param sharedDecisions how often a key had to share a counter because the bound on live keys was reached
     */
    public record Memory(long liveKeys, long sharedDecisions) {
    }
}
