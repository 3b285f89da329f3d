package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * Acquires several requests one after the other. If one is denied or fails, refunds the earlier ones, as far as their
 * charges still take permits.
 */
final class SequentialAcquire {

    private final Function<PermitRequest, CompletionStage<Decision>> acquire;
    private final Function<PermitRequest, CompletionStage<Void>> refund;
    private final List<PermitRequest> requests;
    private final MicroClock clock;
    private final List<Decision> decisions = new ArrayList<>();
    private final List<Charge> charges = new ArrayList<>();

    SequentialAcquire(
            Function<PermitRequest, CompletionStage<Decision>> acquire,
            Function<PermitRequest, CompletionStage<Void>> refund,
            List<PermitRequest> requests,
            MicroClock clock) {
        this.clock = clock;
        this.acquire = acquire;
        this.refund = refund;
        this.requests = requests;
    }

    CompletionStage<List<Decision>> acquire() {
        if (decisions.size() == requests.size()) {
            return CompletableFuture.completedFuture(decisions);
        }
        PermitRequest request = requests.get(decisions.size());
        long beganMicros = clock.micros();
        return Futures.call(() -> acquire.apply(request))
                .handle((decision, failure) -> {
                    if (failure != null) {
                        return refundTaken().<List<Decision>>thenApply(done -> {
                            throw new CompletionException(Futures.unwrap(failure));
                        });
                    }
                    if (!decision.allowed()) {
                        return refundTaken().thenApply(done -> deniedBy(decision));
                    }
                    decisions.add(decision);
                    charges.add(new Charge(request, decision, beganMicros));
                    return acquire();
                })
                .thenCompose(next -> next);
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
        PermitRequest taken = charge.request();
        long permits = charge.permitsTakenAt(clock.micros());
        if (permits == 0) {
            return CompletableFuture.completedStage(null);
        }
        return Futures.call(() -> refund.apply(new PermitRequest(taken.policy(), taken.key(), permits, taken.origin())))
                .thenAccept(done -> decisions.set(index, charge.decisionWithout(permits)))
                .exceptionally(lost -> null);
    }
}
