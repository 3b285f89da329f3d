package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Gives back permits of requests that came to nothing. */
final class Refunds {

    private Refunds() {}

    /**
     * Gives back what a charge still takes. Never fails: a refund that fails is lost, which costs permits but grants
     * none.
     */
    static CompletionStage<Void> refund(RateLimitBackend backend, Charge charge, long nowMicros) {
        long permits = charge.permitsTakenAt(nowMicros);
        PermitRequest taken = charge.request();
        if (permits == 0) {
            return CompletableFuture.completedFuture(null);
        }
        return Futures.call(() -> charge.decision().source() == Decision.Source.FALLBACK
                        ? backend.refundFallback(taken.policy(), taken.key(), permits)
                        : backend.refund(taken.policy(), taken.key(), permits))
                .exceptionally(lost -> null);
    }

    /** Gives back all charges at the same time. */
    static CompletionStage<Void> refundAll(RateLimitBackend backend, List<Charge> charges, long nowMicros) {
        return CompletableFuture.allOf(charges.stream()
                .map(charge -> refund(backend, charge, nowMicros).toCompletableFuture())
                .toArray(CompletableFuture<?>[]::new));
    }
}
