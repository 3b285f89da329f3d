package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * Acquires the permits of all policies first, then one slot after the other. If one is denied or fails, everything
 * taken is given back. In the meantime other callers may be denied; they are never granted too much.
 */
final class LeaseAcquisition {

    private final RateLimitBackend backend;
    private final ConcurrencyBackend slots;
    private final HoldTimes times;
    private final Consumer<PermitRequest> released;
    private final List<PermitRequest> permitRequests;
    private final List<PermitRequest> slotRequests;
    private final List<Decision> decisions = new ArrayList<>();
    private final List<HeldSlot> held = new ArrayList<>();

    /**
     * Creates an acquisition.
     *
     * @param released receives each request for a slot when its slot has been released
     */
    LeaseAcquisition(
            RateLimitBackend backend, HoldTimes times, List<PermitRequest> requests, Consumer<PermitRequest> released) {
        this.backend = backend;
        this.times = times;
        this.released = released;
        this.slots = backend.concurrency();
        this.permitRequests = permitRequests(requests);
        this.slotRequests = slotRequests(requests);
    }

    private static List<PermitRequest> permitRequests(List<PermitRequest> requests) {
        return requests.stream()
                .filter(request -> !request.policy().rateLimits().isEmpty())
                .map(request -> new PermitRequest(
                        request.policy().rateLimitsOnly(), request.key(), request.permits(), request.origin()))
                .toList();
    }

    /** One slot per concurrency limit, whatever the permits. */
    private static List<PermitRequest> slotRequests(List<PermitRequest> requests) {
        return requests.stream()
                .filter(request -> request.policy().concurrency() != null)
                .map(request ->
                        new PermitRequest(request.policy().concurrencyOnly(), request.key(), 1, request.origin()))
                .toList();
    }

    /** Splits requests into those for permits and those for slots, in the order in which they are decided. */
    static List<PermitRequest> split(List<PermitRequest> requests) {
        List<PermitRequest> all = new ArrayList<>(permitRequests(requests));
        all.addAll(slotRequests(requests));
        return all;
    }

    /** Completes with one decision per request of {@link #split}. */
    CompletionStage<List<Decision>> acquire() {
        CompletionStage<List<Decision>> permits = permitRequests.isEmpty()
                ? CompletableFuture.completedFuture(List.of())
                : Futures.call(() -> acquirePermits(backend, permitRequests));
        return permits.thenCompose(made -> {
            decisions.addAll(made);
            for (Decision decision : made) {
                if (!decision.allowed()) {
                    skipRest(decision.source());
                    return CompletableFuture.completedFuture(decisions);
                }
            }
            return acquireNextSlot();
        });
    }

    /** Spares a single request the multi-key path of the backend. */
    static CompletionStage<List<Decision>> acquirePermits(RateLimitBackend backend, List<PermitRequest> requests) {
        if (requests.size() != 1) {
            return backend.acquireAll(requests);
        }
        PermitRequest only = requests.get(0);
        return backend.acquire(only.policy(), only.key(), only.permits()).thenApply(List::of);
    }

    List<HeldSlot> held() {
        return held;
    }

    private CompletionStage<List<Decision>> acquireNextSlot() {
        if (held.size() == slotRequests.size()) {
            return CompletableFuture.completedFuture(decisions);
        }
        PermitRequest request = slotRequests.get(held.size());
        UUID holder = HolderIds.next();
        return Futures.call(() -> slots.acquire(request.policy(), request.key(), holder))
                .handle((decision, failure) -> {
                    if (failure == null && decision.allowed()) {
                        decisions.add(times.estimated(request.policy(), decision));
                        hold(new HeldSlot(
                                slots,
                                request.policy(),
                                request.key(),
                                holder,
                                times,
                                System::nanoTime,
                                () -> released.accept(request)));
                        return acquireNextSlot();
                    }
                    if (failure != null) {
                        // The store may still grant the slot. Behind a guard, the guard releases it.
                        Futures.call(() -> slots.release(request.policy(), request.key(), holder));
                    }
                    return giveBack().<List<Decision>>handle((done, lost) -> {
                        if (failure != null) {
                            throw new CompletionException(Futures.unwrap(failure));
                        }
                        decisions.add(times.estimated(request.policy(), decision));
                        skipRest(decision.source());
                        return decisions;
                    });
                })
                .thenCompose(next -> next);
    }

    private void hold(HeldSlot slot) {
        held.add(slot);
        LeaseRenewer.SHARED.add(slot);
    }

    private void skipRest(Decision.Source source) {
        while (decisions.size() < permitRequests.size() + slotRequests.size()) {
            decisions.add(new Decision.Skipped(source));
        }
    }

    /** Refunds only permits that were charged, by the store or by the local fallback. */
    private CompletionStage<Void> giveBack() {
        List<CompletableFuture<?>> done = new ArrayList<>();
        held.forEach(slot -> done.add(slot.giveBack().toCompletableFuture()));
        held.clear();
        for (int i = 0; i < permitRequests.size(); i++) {
            Charge charge = Charge.of(permitRequests.get(i), decisions.get(i));
            if (charge != null) {
                done.add(Refunds.refundOrLose(backend, charge).toCompletableFuture());
            }
        }
        return CompletableFuture.allOf(done.toArray(CompletableFuture<?>[]::new));
    }
}
