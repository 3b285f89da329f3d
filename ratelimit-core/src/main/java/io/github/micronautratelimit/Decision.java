package io.github.micronautratelimit;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The answer to a request for permits: never a bare yes or no, but what is left and when to come back.
 *
 * <p>Decisions are immutable values.
 */
public sealed interface Decision {

    /** What {@link #retryAfterMicros()} says of a request that can never pass: it asks for more than the capacity. */
    long NEVER = -1;

    /**
     * Whether the permits were granted.
     *
     * @return {@code true} if the request may go on
     */
    boolean allowed();

    /**
     * The whole permits free after the decision; of several limits, the smallest.
     *
     * @return 0 or more
     */
    long remaining();

    /**
     * How long until the same request would be granted, if nobody else takes permits; of several limits that denied,
     * the longest.
     *
     * @return microseconds; 0 if granted, {@link #NEVER} if it never can be
     */
    long retryAfterMicros();

    /**
     * How long until every permit is free again, if nobody takes any; of several limits, the longest.
     *
     * @return microseconds, 0 or more
     */
    long resetAfterMicros();

    /**
     * The limits that denied the request.
     *
     * @return the denying limits in the policy's order; empty if granted, or if no limit decided (see {@link Source})
     */
    List<Limit> deniedBy();

    /**
     * Where the decision was made.
     *
     * @return the source
     */
    Source source();

    /**
     * {@link #retryAfterMicros()} as a duration.
     *
     * @return how long to wait; empty if granted, or if the request can never pass
     */
    default Optional<Duration> retryAfter() {
        return retryAfterMicros() > 0 ? Optional.of(LimitText.duration(retryAfterMicros())) : Optional.empty();
    }

    /** Where a decision was made. */
    enum Source {

        /** By the backend, on the key's state. */
        STORE,

        /** By this process, out of permits that it had taken ahead; see {@link PermitLeases}. */
        LEASE,

        /** By this process, which knew the key to be blocked until an instant the store had named. */
        DENY_CACHE,

        /** By this process, which asks the store no more often about one key; see {@link LocalLimit}. */
        LOCAL_LIMIT,

        /** By the policy's {@link OnError}, because the store could not be asked. */
        FALLBACK;

        /**
         * Whether the store has charged what was granted, so that a request that comes to nothing gives it back there.
         *
         * @return {@code true} of a grant by the store, or of permits it had charged ahead
         */
        public boolean isCharged() {
            return this == STORE || this == LEASE;
        }
    }

    /**
     * The permits were granted and charged.
     *
     * @param remaining        whole permits still free
     * @param resetAfterMicros microseconds until every permit is free again
     * @param source           where it was decided
     */
    record Allowed(long remaining, long resetAfterMicros, Source source) implements Decision {

        @Override
        public boolean allowed() {
            return true;
        }

        @Override
        public long retryAfterMicros() {
            return 0;
        }

        @Override
        public List<Limit> deniedBy() {
            return List.of();
        }
    }

    /**
     * The permits were not granted, and nothing was charged.
     *
     * @param remaining        whole permits free: some, if the request asked for more
     * @param retryAfterMicros microseconds until the request would be granted, or {@link #NEVER}
     * @param resetAfterMicros microseconds until every permit is free again
     * @param deniedBy         the limits that denied
     * @param source           where it was decided
     */
    record Denied(long remaining, long retryAfterMicros, long resetAfterMicros, List<Limit> deniedBy, Source source)
            implements Decision {

        @Override
        public boolean allowed() {
            return false;
        }
    }
}
