package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Gives back the charges of requests that came to nothing. Safe for use by any number of threads. */
final class Refunds {

    private final RateLimitBackend backend;
    private final EventDispatcher events;
    private final UnaryOperator<PermitRequest> conceal;

    /**
     * Creates refunds to a backend.
     *
     * @param conceal replaces the key of a request by that in the store
     */
    Refunds(RateLimitBackend backend, EventDispatcher events, UnaryOperator<PermitRequest> conceal) {
        this.backend = backend;
        this.events = events;
        this.conceal = conceal;
    }

    /** Gives back everything that was charged for earlier decisions, as far as it still takes permits. */
    CompletionStage<Void> refund(Decisions decisions) {
        List<CompletableFuture<Void>> refunds = new ArrayList<>();
        for (int i = 0; i < decisions.list().size(); i++) {
            Charge charge = charge(decisions, i);
            if (charge != null) {
                refunds.add(refundOrLose(charge).toCompletableFuture());
            }
            refundShadowed(decisions, i);
        }
        return CompletableFuture.allOf(refunds.toArray(CompletableFuture<?>[]::new));
    }

    /** Gives back what an outcome does not cost, and returns the decisions as the keys stand afterwards. */
    Decisions applyOutcome(Decisions decisions, int status, @Nullable Throwable failure) {
        List<Decision> after = null;
        for (int i = 0; i < decisions.list().size(); i++) {
            ChargeCondition condition = decisions.requests().get(i).policy().chargeCondition();
            if (condition == null || condition.isCharged(status, failure) || !decisions.allowed()) {
                continue;
            }
            refundShadowed(decisions, i);
            Charge charge = charge(decisions, i);
            if (charge != null) {
                refundOrLose(charge);
                after = after == null ? new ArrayList<>(decisions.list()) : after;
                after.set(i, charge.decisionWithout());
            }
        }
        return after == null ? decisions : new Decisions(decisions.requests(), after);
    }

    /** Gives back what a policy in shadow mode has charged or will charge. Nothing waits for it. */
    private void refundShadowed(Decisions decisions, int index) {
        if (decisions.list().get(index) instanceof Decision.Shadowed shadowed) {
            PermitRequest request = conceal.apply(decisions.requests().get(index));
            shadowed.decision().thenAccept(decision -> {
                Charge charge = Charge.of(request, decision);
                if (charge != null) {
                    refundOrLose(charge);
                }
            });
        }
    }

    /** Returns the charge of a decision, or {@code null} if it charged nothing. */
    private @Nullable Charge charge(Decisions decisions, int index) {
        return Charge.of(
                conceal.apply(decisions.requests().get(index)), decisions.list().get(index));
    }

    private CompletionStage<Void> refundOrLose(Charge charge) {
        return refund(charge).exceptionally(lost -> null);
    }

    CompletionStage<Void> refund(Charge charge) {
        events.countRefund(charge.request(), charge.decision(), charge.permits());
        return refund(backend, charge);
    }

    /** Gives back a charge; fails if the backend does. */
    private static CompletionStage<Void> refund(RateLimitBackend backend, Charge charge) {
        PermitRequest taken = charge.request();
        return Futures.call(() -> charge.isLocal()
                ? backend.refundFallback(taken.policy(), taken.key(), taken.permits(), charge.chargedAtMicros())
                : backend.refund(taken.policy(), taken.key(), taken.permits(), charge.chargedAtMicros()));
    }

    /** Gives back a charge. Never fails: a refund that fails is lost, which costs permits but grants none. */
    static CompletionStage<Void> refundOrLose(RateLimitBackend backend, Charge charge) {
        return refund(backend, charge).exceptionally(lost -> null);
    }
}
