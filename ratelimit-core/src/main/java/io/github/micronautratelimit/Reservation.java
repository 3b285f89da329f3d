package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Permits that were charged on an estimate and are settled with the real cost, when that is known: tokens of a language
 * model, bytes, rows.
 *
 * <pre>{@code
 * limiter.async().reserve(policy, key, 2_000).thenCompose(reservation -> reservation.decision().allowed()
 *         ? answer().thenCompose(answer -> reservation.settle(answer.tokens()))
 *         : denied(reservation.decision()));
 * }</pre>
 *
 * <p>A reservation is settled once. The store remembers its id until then, or until it expires. After that the estimate
 * stays charged, or is given back, as {@link ReservationRules#refundedAtExpiry} says; a later settlement only charges
 * the missing permits. A denied reservation has nothing to settle. Safe for use by any number of threads.
 */
public final class Reservation {

    private final LongFunction<CompletionStage<Settlement>> settle;
    private final PermitRequest request;
    private final Decision decision;
    private final Receipt receipt;

    /**
     * Creates a reservation.
     *
     * @param request the request with the key as the store knows it
     * @param settle  settles with the real cost
     */
    Reservation(
            PermitRequest request,
            Decision decision,
            Receipt receipt,
            LongFunction<CompletionStage<Settlement>> settle) {
        this.settle = settle;
        this.request = request;
        this.decision = decision;
        this.receipt = receipt;
    }

    /**
     * Names a reservation to the store.
     *
     * @param id              128 bits, unique among all processes
     * @param permits         the estimate
     * @param chargedAtMicros the instant of the charge by the clock that decided, in microseconds since the epoch
     * @param expiresAtMicros the instant from which on the reservation is not open any more
     */
    public record Receipt(UUID id, long permits, long chargedAtMicros, long expiresAtMicros) {}

    /** The outcome of a settlement. */
    public enum Outcome {

        /** The reservation was open, and the real cost is now charged instead of the estimate. */
        SETTLED,

        /** The reservation had expired, and the missing permits are charged. */
        SETTLED_LATE,

        /** The reservation is unknown, or was settled before. Nothing changed. */
        UNKNOWN,

        /** The request was denied, or the real cost is a negative number. Nothing changed. */
        NOT_SETTLED
    }

    /**
     * The result of a settlement.
     *
     * @param outcome what happened
     * @param after   the key afterwards, as {@link RateLimiter#peek} returns it for 0 permits
     */
    public record Settlement(Outcome outcome, Decision after) {

        /**
         * Makes the result of a settlement on the state after it, for backends.
         *
         * @param outcome   what happened
         * @param after     the state
         * @param nowMicros the instant, in microseconds since the epoch
         * @return the result
         */
        public static Settlement of(Outcome outcome, LimitState after, long nowMicros) {
            return new Settlement(outcome, Decision.peek(after, 0, nowMicros));
        }
    }

    /**
     * The result of a step on the state of a key.
     *
     * @param answer the answer to the caller
     * @param next   the new state; {@code null} if it does not change
     * @param <T>    the type of the answer
     */
    public record Step<T>(T answer, @Nullable LimitState next) {}

    /**
     * Decides a reservation as {@link RateLimitBackend#reserve} defines it. Pure, for backends that keep a
     * {@link LimitState}.
     *
     * @param state     the present state
     * @param id        of the reservation
     * @param permits   the estimate
     * @param ttlMicros the time for which it is open
     * @param rules     the bounds of the policy
     * @param nowMicros the instant, in microseconds since the epoch
     * @return the decision and the new state
     */
    public static Step<Decision> reserve(
            LimitState state, UUID id, long permits, long ttlMicros, ReservationRules rules, long nowMicros) {
        long reservedAt = state.reservedAt(id);
        if (reservedAt != LimitState.NEVER) {
            return new Step<>(Decision.allowed(state, nowMicros).withChargedAt(reservedAt), null);
        }
        if (!state.admits(permits)) {
            return new Step<>(Decision.denied(state, permits, nowMicros), null);
        }
        if (state.reservations() >= rules.maxOpen()) {
            long wait = state.firstExpiryMicros() - nowMicros;
            return new Step<>(
                    new Decision.Denied(
                            state.remaining(), wait, state.resetAfter(nowMicros), List.of(), Decision.Source.STORE),
                    null);
        }
        LimitState next = state.reserve(id, permits, nowMicros, nowMicros + ttlMicros, rules.refundedAtExpiry());
        return new Step<>(Decision.allowed(next, nowMicros), next);
    }

    /**
     * Settles a reservation as {@link RateLimitBackend#settle} defines it. Pure, for backends that keep a
     * {@link LimitState}.
     *
     * @param state     the present state
     * @param receipt   names the reservation
     * @param actual    the permits used, 0 or more
     * @param rules     the bounds of the policy
     * @param nowMicros the instant, in microseconds since the epoch
     * @return the outcome and the new state
     */
    public static Step<Settlement> settle(
            LimitState state, Receipt receipt, long actual, ReservationRules rules, long nowMicros) {
        if (state.reservedAt(receipt.id()) != LimitState.NEVER) {
            LimitState next = state.settle(receipt.id(), actual, rules.maxDebt());
            return new Step<>(Settlement.of(Outcome.SETTLED, next, nowMicros), next);
        }
        if (nowMicros < receipt.expiresAtMicros()) {
            return new Step<>(Settlement.of(Outcome.UNKNOWN, state, nowMicros), null);
        }
        long missing = Math.max(0, actual - (rules.refundedAtExpiry() ? 0 : receipt.permits()));
        LimitState next = missing == 0 ? state : state.chargeBeyond(missing, rules.maxDebt());
        return new Step<>(Settlement.of(Outcome.SETTLED_LATE, next, nowMicros), missing == 0 ? null : next);
    }

    /**
     * Returns the decision on the estimate.
     *
     * @return allowed or denied; denied by no limit if the key has too many open reservations
     */
    public Decision decision() {
        return decision;
    }

    /**
     * Returns the id.
     *
     * @return 128 bits, unique among all processes
     */
    public UUID id() {
        return receipt.id();
    }

    /**
     * Returns the time for which the reservation is open.
     *
     * @return from the charge to the expiry
     */
    public Duration timeToLive() {
        return Micros.duration(receipt.expiresAtMicros() - receipt.chargedAtMicros());
    }

    /**
     * Settles the reservation with the real cost: gives back the rest of the estimate, or charges what exceeds it, even
     * if it is not free. Then the key is in debt, and requests are denied until the debt is repaid.
     *
     * @param actual the permits really used, 0 or more
     * @return completes with the outcome; fails if the store failed, and may be repeated then
     */
    public CompletionStage<Settlement> settle(long actual) {
        return settle.apply(actual);
    }

    /**
     * Settles the reservation with a cost of 0.
     *
     * @return as in {@link #settle}
     */
    public CompletionStage<Settlement> cancel() {
        return settle(0);
    }

    /**
     * Returns the text form, for another process that settles; see {@link AsyncRateLimiter#readReservation}. It
     * contains the hash of the key, not the key.
     */
    @Override
    public String toString() {
        return new ReceiptText(
                        receipt.id(),
                        receipt.permits(),
                        receipt.chargedAtMicros(),
                        receipt.expiresAtMicros(),
                        decision.source() == Decision.Source.FALLBACK,
                        KeyHash.of(request.key()),
                        request.policy().stateName())
                .toString();
    }
}
