package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.SlotState;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a request for permits: allowed, denied, skipped or shadowed, with the permits that remain and the time
 * to wait.
 *
 * <p>Decisions are immutable values. Times in microseconds use {@link LimitState#NEVER} for a request that can never
 * pass; methods that return a {@link Duration} are empty then.
 */
public sealed interface Decision {

    /**
     * Returns whether the permits were granted.
     *
     * @return {@code true} if the request may proceed
     */
    boolean allowed();

    /**
     * Returns the whole permits that are free after the decision; of several limits, the smallest number.
     *
     * @return 0 or more
     */
    long remaining();

    /**
     * Returns how long to wait until the same request would be granted, if no other request takes permits. If several
     * limits deny, the longest time counts.
     *
     * @return microseconds; 0 if allowed, {@link LimitState#NEVER} if the request can never pass
     */
    long retryAfterMicros();

    /**
     * Returns how long to wait until all permits are free, if no request takes any; of several limits, the longest
     * time.
     *
     * @return microseconds, 0 or more
     */
    long resetAfterMicros();

    /**
     * Returns how long to wait until more than {@link #remaining()} permits are free, if no request takes any. This may
     * be much earlier than {@link #resetAfterMicros()}. Under several limits, that with the fewest remaining permits
     * decides both. A decision that was not made by the state of the key may return a later time, at most the time
     * until all permits are free.
     *
     * @return microseconds; 0 if no further permit can become free
     */
    long nextPermitMicros();

    /**
     * Returns the limits that denied the request.
     *
     * @return the denying limits in the order of the policy; empty if allowed, or if no limit decided (see
     *         {@link Source})
     */
    List<Limit> deniedBy();

    /**
     * Returns where the decision was made.
     *
     * @return the source
     */
    Source source();

    /**
     * Returns whether the request was denied although no limit is known to be exceeded: the store was unavailable, and
     * the policy says {@link OnError#CLOSED}. Clients are told so, and metrics count it as an outcome of its own.
     *
     * @param policy the policy of the request
     * @return {@code true} for such a denial
     */
    default boolean isUnavailable(Policy policy) {
        return this instanceof Denied
                && source() == Source.FALLBACK
                && policy.onError() == OnError.CLOSED
                && retryAfterMicros() != LimitState.NEVER;
    }

    /**
     * Returns whether the numbers of this decision say anything about the key. Those of {@link OnError#OPEN} and
     * {@link OnError#CLOSED} do not, because they count nothing, and those of a request that was not evaluated or that
     * the configuration denies.
     *
     * @param policy the policy of the request
     * @return {@code true} if clients may be told the numbers
     */
    default boolean isCounted(Policy policy) {
        return !(this instanceof Skipped)
                && !(this instanceof Shadowed)
                && source() != Source.CONFIGURATION
                && (source() != Source.FALLBACK || policy.onError() == OnError.LOCAL);
    }

    /**
     * Returns {@link #retryAfterMicros()} as a duration.
     *
     * @return how long to wait; zero if allowed, empty if the request can never pass
     */
    default Optional<Duration> retryAfter() {
        long micros = retryAfterMicros();
        return micros == LimitState.NEVER ? Optional.empty() : Optional.of(Micros.duration(micros));
    }

    /**
     * Returns {@link #resetAfterMicros()} as a duration.
     *
     * @return the time until all permits are free again if no request takes any
     */
    default Duration resetAfter() {
        return Micros.duration(resetAfterMicros());
    }

    /**
     * Makes the decision on a request whose permits a state already counts.
     *
     * @param charged   the state after the charge
     * @param nowMicros the instant of the decision, in microseconds since the epoch
     * @return the permits that remain
     */
    static Allowed allowed(LimitState charged, long nowMicros) {
        long remaining = charged.remaining();
        long next = charged.retryAfter(remaining + 1, nowMicros);
        return new Allowed(
                remaining, charged.resetAfter(nowMicros), Source.STORE, next == LimitState.NEVER ? 0 : next, nowMicros);
    }

    /**
     * Makes the decision on a request that a state does not admit.
     *
     * @param state     the state, unchanged
     * @param permits   the permits of the request
     * @param nowMicros the instant of the decision, in microseconds since the epoch
     * @return the time to wait and the denying limits
     */
    static Denied denied(LimitState state, long permits, long nowMicros) {
        return new Denied(
                state.remaining(),
                state.retryAfter(permits, nowMicros),
                state.resetAfter(nowMicros),
                state.deniedBy(permits),
                Source.STORE);
    }

    /**
     * Makes the decision that a request would get, without charging it.
     *
     * @param state     the state, unchanged
     * @param permits   the permits of the request, 0 or more
     * @param nowMicros the instant of the decision, in microseconds since the epoch
     * @return allowed, with the permits that are free before the request takes any, or denied
     */
    static Decision peek(LimitState state, long permits, long nowMicros) {
        return state.admits(permits) ? allowed(state, nowMicros) : denied(state, permits, nowMicros);
    }

    /**
     * Makes the decision on a request for a slot.
     *
     * @param state     the state after the request
     * @param limit     the number of slots
     * @param granted   whether the caller has, or would get, a slot
     * @param nowMicros the instant of the decision, in microseconds since the epoch
     * @return the slots that remain, or the time until the first lease expires
     */
    static Decision ofSlot(SlotState state, ConcurrencyLimit limit, boolean granted, long nowMicros) {
        return granted
                ? new Allowed(state.remaining(limit), state.resetAfter(nowMicros), Source.STORE)
                : new Denied(
                        0, state.retryAfter(limit, nowMicros), state.resetAfter(nowMicros), List.of(), Source.STORE);
    }

    /** Where a decision was made. */
    enum Source {

        /** By the backend, on the state of the key. */
        STORE,

        /** By this instance, from prefetched permits. */
        PREFETCHED,

        /** By this instance, from a cached denial. */
        DENY_CACHE,

        /** By this instance, because the policy limits its calls to the store for one key. */
        LOCAL_LIMIT,

        /** By the {@link OnError} of the policy, because the store was unavailable. */
        FALLBACK,

        /** By nothing: the policy is in shadow mode, so the request may proceed. */
        SHADOW,

        /** By the configuration, which denies every request of a case or a key. No limit and no store decided. */
        CONFIGURATION;

        /**
         * Returns whether the store has charged permits that were granted, so that a refund goes to the store.
         *
         * @return {@code true} for grants by the store or from prefetched permits
         */
        public boolean isCharged() {
            return this == STORE || this == PREFETCHED;
        }
    }

    /**
     * The permits were granted and charged. Equality ignores {@link #nextPermitMicros()} and {@link
     * #chargedAtMicros()}, because not every source of a decision knows them exactly.
     *
     * @param remaining        whole permits that are still free
     * @param resetAfterMicros microseconds until all permits are free again
     * @param source           where the decision was made
     * @param nextPermitMicros microseconds until a further permit is free, or a later time
     * @param chargedAtMicros  the instant of the charge by the clock that decided, in microseconds since the epoch, for
     *                         a refund; {@link #UNKNOWN_TIME} if no refund is possible
     */
    record Allowed(long remaining, long resetAfterMicros, Source source, long nextPermitMicros, long chargedAtMicros)
            implements Decision {

        /** The epoch, for which a refund gives nothing back. */
        public static final long UNKNOWN_TIME = 0;

        /**
         * Creates a decision whose next permit is known to come only when all permits are free again, and whose time is
         * not known.
         *
         * @param remaining        whole permits that are still free
         * @param resetAfterMicros microseconds until all permits are free again
         * @param source           where the decision was made
         */
        public Allowed(long remaining, long resetAfterMicros, Source source) {
            this(remaining, resetAfterMicros, source, resetAfterMicros, UNKNOWN_TIME);
        }

        /** Returns this decision with another instant of the charge. */
        Allowed withChargedAt(long micros) {
            return new Allowed(remaining, resetAfterMicros, source, nextPermitMicros, micros);
        }

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

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Allowed allowed
                    && remaining == allowed.remaining
                    && resetAfterMicros == allowed.resetAfterMicros
                    && source == allowed.source;
        }

        @Override
        public int hashCode() {
            return (Long.hashCode(remaining) * 31 + Long.hashCode(resetAfterMicros)) * 31 + source.hashCode();
        }
    }

    /**
     * The permits were not granted, and nothing was charged.
     *
     * @param remaining        whole permits that are free; more than 0 only if the request costs more
     * @param retryAfterMicros microseconds until the request would be granted, or {@link LimitState#NEVER}
     * @param resetAfterMicros microseconds until all permits are free again
     * @param deniedBy         the denying limits
     * @param source           where the decision was made
     */
    record Denied(long remaining, long retryAfterMicros, long resetAfterMicros, List<Limit> deniedBy, Source source)
            implements Decision {

        @Override
        public boolean allowed() {
            return false;
        }

        @Override
        public long nextPermitMicros() {
            return retryAfterMicros == LimitState.NEVER ? resetAfterMicros : retryAfterMicros;
        }
    }

    /**
     * The request was not evaluated, because another request of the same {@link Decisions} was denied. Nothing was
     * charged, and nothing is known about the key.
     *
     * @param source where the other request was denied
     */
    record Skipped(Source source) implements Decision {

        @Override
        public boolean allowed() {
            return false;
        }

        @Override
        public long remaining() {
            return 0;
        }

        @Override
        public long retryAfterMicros() {
            return 0;
        }

        @Override
        public long resetAfterMicros() {
            return 0;
        }

        @Override
        public long nextPermitMicros() {
            return 0;
        }

        @Override
        public List<Limit> deniedBy() {
            return List.of();
        }
    }

    /**
     * The request may proceed, because its policy is in shadow mode; see {@link Policy#withShadow}. The numbers are
     * those of a key without requests, because the caller does not wait for the real decision.
     */
    final class Shadowed implements Decision {

        private final long capacity;
        private final CompletionStage<Decision> decision;

        Shadowed(long capacity, CompletionStage<Decision> decision) {
            this.capacity = capacity;
            this.decision = decision;
        }

        /**
         * Returns the decision that a caller would have got without shadow mode.
         *
         * @return completes when the store has decided; fails if the store failed and there is no guard
         */
        public CompletionStage<Decision> decision() {
            return decision;
        }

        @Override
        public boolean allowed() {
            return true;
        }

        @Override
        public long remaining() {
            return capacity;
        }

        @Override
        public long retryAfterMicros() {
            return 0;
        }

        @Override
        public long resetAfterMicros() {
            return 0;
        }

        @Override
        public long nextPermitMicros() {
            return 0;
        }

        @Override
        public List<Limit> deniedBy() {
            return List.of();
        }

        @Override
        public Source source() {
            return Source.SHADOW;
        }

        @Override
        public String toString() {
            return "Shadowed[]";
        }
    }
}
