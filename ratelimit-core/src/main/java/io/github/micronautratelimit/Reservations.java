package io.github.micronautratelimit;

import io.github.micronautratelimit.Reservation.Outcome;
import io.github.micronautratelimit.Reservation.Receipt;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.internal.Futures;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Makes and settles reservations on a backend. Safe for use by any number of threads. */
final class Reservations {

    private static final Receipt NOTHING = new Receipt(new UUID(0, 0), 0, 0, 0);

    private final RateLimitBackend backend;
    private final EventDispatcher events;

    Reservations(RateLimitBackend backend, EventDispatcher events) {
        this.backend = backend;
        this.events = events;
    }

    /** A reservation of a request: the decision on it and its receipt. */
    record Reserved(Decision decision, Receipt receipt) {}

    CompletionStage<Reserved> reserve(PermitRequest request, long ttlMicros) {
        UUID id = HolderIds.next();
        return Futures.call(() -> backend.reserve(request.policy(), request.key(), id, request.permits(), ttlMicros))
                .thenApply(decision -> new Reserved(
                        decision,
                        decision instanceof Decision.Allowed allowed
                                ? new Receipt(
                                        id,
                                        request.permits(),
                                        allowed.chargedAtMicros(),
                                        allowed.chargedAtMicros() + ttlMicros)
                                : NOTHING));
    }

    /** Settles a charge, about which the store knows nothing: as a reservation that has expired. */
    CompletionStage<?> settle(Charge charge, long actual) {
        PermitRequest request = charge.request();
        long rest = charge.permits() - actual;
        if (charge.isLocal() && rest <= 0) {
            return CompletableFuture.completedFuture(null);
        }
        events.countSettlement(request, charge.decision(), rest);
        if (charge.isLocal()) {
            return refundFallback(charge, rest);
        }
        if (rest >= 0) {
            return Futures.call(() -> backend.refund(request.policy(), request.key(), rest, charge.chargedAtMicros()));
        }
        boolean refunded = request.policy().reservations().refundedAtExpiry();
        Receipt expired =
                new Receipt(charge.id(), charge.permits(), charge.chargedAtMicros(), charge.chargedAtMicros());
        return Futures.call(() -> backend.settle(request.policy(), request.key(), expired, refunded ? -rest : actual));
    }

    private CompletionStage<Void> refundFallback(Charge charge, long permits) {
        PermitRequest request = charge.request();
        return Futures.call(
                () -> backend.refundFallback(request.policy(), request.key(), permits, charge.chargedAtMicros()));
    }

    /** Makes a reservation under a policy in shadow mode. The store has charged it as a request, or will do so. */
    Reservation shadowed(PermitRequest request, Decision.Shadowed decision) {
        Receipt receipt = new Receipt(HolderIds.next(), request.permits(), 0, 0);
        Settlement notSettled = new Settlement(Outcome.NOT_SETTLED, decision);
        return new Reservation(
                request, decision, receipt, actual -> decision.decision().thenCompose(made -> {
                    Charge charge = actual < 0 ? null : Charge.of(request, made);
                    return charge == null
                            ? CompletableFuture.completedFuture(notSettled)
                            : settle(charge, actual).thenApply(done -> new Settlement(Outcome.SETTLED, decision));
                }));
    }

    /** Settles a reservation. One of the fallback is in no store: the rest of its estimate is given back locally. */
    CompletionStage<Settlement> settle(PermitRequest request, Decision decision, Receipt receipt, long actual) {
        if (actual < 0 || !decision.allowed()) {
            return CompletableFuture.completedFuture(new Settlement(Outcome.NOT_SETTLED, decision));
        }
        long rest = receipt.permits() - actual;
        if (decision.source() != Decision.Source.FALLBACK) {
            return Futures.call(() -> backend.settle(request.policy(), request.key(), receipt, actual))
                    .thenApply(settlement -> counted(request, decision, settlement, rest));
        }
        Settlement settled = new Settlement(Outcome.SETTLED, decision);
        return rest > 0 && request.policy().onError() == OnError.LOCAL
                ? Futures.call(() -> backend.refundFallback(
                                request.policy(), request.key(), rest, receipt.chargedAtMicros()))
                        .thenApply(done -> counted(request, decision, settled, rest))
                : CompletableFuture.completedFuture(settled);
    }

    /** Counts a settlement. After the expiry, only what exceeds the estimate is charged. */
    private Settlement counted(PermitRequest request, Decision decision, Settlement settlement, long rest) {
        if (settlement.outcome() == Outcome.SETTLED || settlement.outcome() == Outcome.SETTLED_LATE && rest < 0) {
            events.countSettlement(request, decision, rest);
        }
        return settlement;
    }
}
