package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.Limit;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One call on a key as a caller saw it. A call of several requests is recorded as several of these, one after the
 * other, because other callers may come in between.
 *
 * @param verb    what was called
 * @param limits  the limits of the call
 * @param amount  permits, or microseconds for a block
 * @param charge  what a call about an earlier charge concerns; of a refund only the permits and the time count;
 *                {@code null} for other calls
 * @param at      the instant of the store at the call, in microseconds since the epoch; {@link #UNKNOWN} if the reply
 *                does not tell
 * @param invoked {@link System#nanoTime} just before the call
 * @param replied {@link System#nanoTime} just after the reply
 * @param answer  the decision; {@code null} for a verb without one
 */
record RecordedCall(
        Verb verb,
        List<Limit> limits,
        long amount,
        ExactModel.@Nullable Open charge,
        long at,
        long invoked,
        long replied,
        GoldenTrace.@Nullable Answer answer) {

    static final long UNKNOWN = Long.MIN_VALUE;

    /** The operations of a store on one key. */
    enum Verb {
        ACQUIRE,
        PEEK,
        REFUND,
        REFUND_CHARGE,
        RESERVE,
        SETTLE,
        RESET,
        BLOCK
    }

    /**
     * Returns the key after this call, if the call fits.
     *
     * @param before the key before it
     * @param now    the instant of the call in microseconds since the epoch
     * @return the key after it; {@code null} if the model answers otherwise
     */
    @Nullable
    ExactModel apply(ExactModel before, long now) {
        return switch (verb) {
            case ACQUIRE -> ifAnswered(before.acquire(limits, now, amount));
            case PEEK -> ifAnswered(before.peek(limits, now, amount));
            case REFUND -> before.refund(limits, now, amount, ExactModel.LATEST);
            case REFUND_CHARGE -> before.refund(
                    limits, now, concerned().permits(), concerned().chargedAt());
            case RESERVE -> ifAnswered(before.reserve(limits, now, concerned(), ReservationRules.MOST_OPEN));
            case SETTLE -> ifAnswered(before.settle(limits, now, concerned(), amount, ReservationRules.CAPACITY));
            case BLOCK -> before.block(now, amount);
            case RESET -> ExactModel.empty(limits, now);
        };
    }

    private ExactModel.Open concerned() {
        return Objects.requireNonNull(charge);
    }

    private @Nullable ExactModel ifAnswered(ExactModel.Outcome outcome) {
        return outcome.answer().equals(answer) ? outcome.next() : null;
    }
}
