package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Acquires several requests one after the other. If one is denied or fails, refunds the earlier ones, as far as their
 * charges still take permits.
 *
 * <p>If one fails and a refund fails too, the store has charged a part of the requests. The stage then fails with a
 * {@link TimeoutException}, whatever the reasons, so that no guard charges the requests again.
 */
final class SequentialAcquire {

    /** Gives back permits that were charged at an instant. */
    @FunctionalInterface
    interface Refund {
        CompletionStage<Void> apply(PermitRequest request, long chargedAtMicros);
    }

    private final Function<PermitRequest, CompletionStage<Decision>> acquire;
    private final Refund refund;
    private final List<PermitRequest> requests;
    private final List<Decision> decisions = new ArrayList<>();
    private final List<@Nullable Charge> charges = new ArrayList<>();
    private boolean refundLost;

    SequentialAcquire(
            Function<PermitRequest, CompletionStage<Decision>> acquire, Refund refund, List<PermitRequest> requests) {
        this.acquire = acquire;
        this.refund = refund;
        this.requests = requests;
    }

    CompletionStage<List<Decision>> acquire() {
        if (decisions.size() == requests.size()) {
            return CompletableFuture.completedFuture(decisions);
        }
        PermitRequest request = requests.get(decisions.size());
        return Futures.call(() -> acquire.apply(request))
                .handle((decision, failure) -> {
                    if (failure != null) {
                        return refundTaken().<List<Decision>>thenApply(done -> {
                            throw new CompletionException(failureAfterRefunds(Futures.unwrap(failure)));
                        });
                    }
                    if (!decision.allowed()) {
                        return refundTaken().thenApply(done -> deniedBy(decision));
                    }
                    decisions.add(decision);
                    charges.add(Charge.of(request, decision));
                    return acquire();
                })
                .thenCompose(next -> next);
    }

    private Throwable failureAfterRefunds(Throwable failure) {
        if (!refundLost || failure instanceof TimeoutException) {
            return failure;
        }
        TimeoutException unknown = new TimeoutException(
                "A request failed, and permits of the earlier ones could not be given back: " + failure);
        unknown.initCause(failure);
        return unknown;
    }

    private List<Decision> deniedBy(Decision denial) {
        decisions.add(denial);
        while (decisions.size() < requests.size()) {
            decisions.add(new Decision.Skipped(denial.source()));
        }
        return decisions;
    }

    /**
     * Refunds the last request first, because on one key a refund gives back the permits taken last. A refund that
     * fails is lost, which costs permits but grants none. A decision whose permits are given back shows its key without
     * them.
     */
    private CompletionStage<Void> refundTaken() {
        CompletionStage<Void> done = CompletableFuture.completedStage(null);
        for (int i = charges.size() - 1; i >= 0; i--) {
            int index = i;
            done = done.thenCompose(before -> refund(index));
        }
        return done;
    }

    private CompletionStage<Void> refund(int index) {
        Charge charge = charges.get(index);
        if (charge == null) {
            return CompletableFuture.completedStage(null);
        }
        return Futures.call(() -> refund.apply(charge.request(), charge.chargedAtMicros()))
                .thenAccept(done -> decisions.set(index, charge.decisionWithout()))
                .exceptionally(lost -> {
                    refundLost = true;
                    return null;
                });
    }
}
