package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Gives back permits of requests that came to nothing. Safe for use by any number of threads. */
final class Refunds {

    private final RateLimitBackend backend;
    private final EventDispatcher events;
    private final UnaryOperator<PermitRequest> conceal;
    private final MicroClock clock;

    /**
     * Creates refunds to a backend.
     *
     * @param conceal replaces the key of a request by that in the store
     */
    Refunds(RateLimitBackend backend, EventDispatcher events, UnaryOperator<PermitRequest> conceal, MicroClock clock) {
        this.backend = backend;
        this.events = events;
        this.conceal = conceal;
        this.clock = clock;
    }

    /** Gives back everything that was charged for earlier decisions, as far as it still takes permits. */
    CompletionStage<Void> refund(Decisions decisions) {
        long now = clock.micros();
        List<CompletableFuture<Void>> refunds = new ArrayList<>();
        for (int i = 0; i < decisions.list().size(); i++) {
            Charge charge = charge(decisions, i, now);
            if (charge != null) {
                refunds.add(refund(charge, charge.permitsTakenAt(now)).toCompletableFuture());
            }
        }
        return CompletableFuture.allOf(refunds.toArray(CompletableFuture<?>[]::new));
    }

    /** Gives back what an outcome does not cost, and returns the decisions as the keys stand afterwards. */
    Decisions applyOutcome(Decisions decisions, int status, @Nullable Throwable failure) {
        List<Decision> after = null;
        long now = 0;
        for (int i = 0; i < decisions.list().size(); i++) {
            ChargeCondition condition = decisions.requests().get(i).policy().chargeCondition();
            if (condition == null || condition.isCharged(status, failure) || !decisions.allowed()) {
                continue;
            }
            now = now == 0 ? clock.micros() : now;
            Charge charge = charge(decisions, i, now);
            if (charge != null) {
                long permits = charge.permitsTakenAt(now);
                refund(charge, permits);
                after = after == null ? new ArrayList<>(decisions.list()) : after;
                after.set(i, charge.decisionWithout(permits));
            }
        }
        return after == null ? decisions : new Decisions(decisions.requests(), after, decisions.beganMicros());
    }

    /** Returns the charge of a decision, or {@code null} if it charged nothing. */
    private @Nullable Charge charge(Decisions decisions, int index, long now) {
        PermitRequest request = decisions.requests().get(index);
        Decision decision = decisions.list().get(index);
        return Charge.isCharged(request, decision)
                ? new Charge(conceal.apply(request), decision, Math.min(now, decisions.beganMicros()))
                : null;
    }

    private CompletionStage<Void> refund(Charge charge, long permits) {
        events.countRefund(charge.request(), charge.decision(), permits);
        return refund(backend, charge, permits);
    }

    /**
     * Gives back permits of a charge. Never fails: a refund that fails is lost, which costs permits but grants none.
     *
     * @param permits those of {@link Charge#permitsTakenAt}
     */
    static CompletionStage<Void> refund(RateLimitBackend backend, Charge charge, long permits) {
        PermitRequest taken = charge.request();
        if (permits == 0) {
            return CompletableFuture.completedFuture(null);
        }
        return Futures.call(() -> charge.decision().source() == Decision.Source.FALLBACK
                        ? backend.refundFallback(taken.policy(), taken.key(), permits)
                        : backend.refund(taken.policy(), taken.key(), permits))
                .exceptionally(lost -> null);
    }
}
