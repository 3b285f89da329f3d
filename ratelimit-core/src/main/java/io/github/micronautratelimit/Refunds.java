package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Gives back permits of requests that came to nothing. */
final class Refunds {

    private Refunds() {}

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
