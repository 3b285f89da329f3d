package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * One request for permits and places: the permits of all policies first, then one place after the other. When one is
 * denied or fails, what was taken is given back; meanwhile others may be denied for it, never over-admitted.
 */
final class Leasing {

    private final Function<List<Ask>, CompletionStage<List<Decision>>> permits;
    private final Function<List<Ask>, CompletionStage<Void>> refund;
    private final LeaseBackend first;
    private final LeaseBackend leases;
    private final List<Ask> rates;
    private final List<Ask> places;
    private final List<Decision> decisions = new ArrayList<>();
    private final List<Holding> held = new ArrayList<>();

    /**
     * A request.
     *
     * @param permits asks for permits under several policies, or none under any
     * @param refund  gives such permits back
     * @param first   grants the places
     * @param leases  renews and releases them
     * @param asks    what is asked
     */
    Leasing(Function<List<Ask>, CompletionStage<List<Decision>>> permits,
            Function<List<Ask>, CompletionStage<Void>> refund, LeaseBackend first, LeaseBackend leases, List<Ask> asks) {
        this.permits = permits;
        this.refund = refund;
        this.first = first;
        this.leases = leases;
        this.rates = rates(asks);
        this.places = places(asks);
    }

    /** What is asked of the limits on how often. */
    static List<Ask> rates(List<Ask> asks) {
        return asks.stream().filter(ask -> !ask.policy().limits().isEmpty())
                .map(ask -> new Ask(ask.policy().ratesOnly(), ask.key(), ask.permits(), ask.type())).toList();
    }

    /** What is asked of the concurrency limits: one place each. */
    private static List<Ask> places(List<Ask> asks) {
        return asks.stream().filter(ask -> ask.policy().concurrency() != null)
                .map(ask -> new Ask(ask.policy().concurrencyOnly(), ask.key(), 1, ask.type())).toList();
    }

    /** All of them, as they are decided on one after the other. */
    static List<Ask> split(List<Ask> asks) {
        List<Ask> all = new ArrayList<>(rates(asks));
        all.addAll(places(asks));
        return all;
    }

    /** Completes with the decisions up to the first denial. */
    CompletionStage<List<Decision>> acquire() {
        CompletionStage<List<Decision>> granted = rates.isEmpty()
                ? CompletableFuture.completedFuture(List.of()) : RateLimiter.called(() -> permits.apply(rates));
        return granted.thenCompose(made -> {
            decisions.addAll(made);
            return made.stream().allMatch(Decision::allowed) ? take() : CompletableFuture.completedFuture(decisions);
        });
    }

    List<Holding> held() {
        return held;
    }

    private CompletionStage<List<Decision>> take() {
        if (held.size() == places.size()) {
            return CompletableFuture.completedFuture(decisions);
        }
        Ask ask = places.get(held.size());
        ConcurrencyLimit limit = ask.policy().concurrency();
        UUID holder = Holders.next();
        return RateLimiter.called(() -> first.acquire(ask.policy(), ask.key(), holder)).handle((decision, failure) -> {
            if (failure == null && decision.allowed() && limit != null) {
                decisions.add(decision);
                held.add(new Holding(leases, ask.policy(), ask.key(), holder, limit.leaseMicros()));
                return take();
            }
            if (failure != null || decision.source() == Decision.Source.FALLBACK) {
                // The store may have granted it all the same, too late.
                RateLimiter.called(() -> leases.release(ask.policy(), ask.key(), holder));
            }
            return giveBack().<List<Decision>>handle((done, lost) -> {
                if (failure != null) {
                    throw new CompletionException(Listeners.unwrapped(failure));
                }
                decisions.add(decision);
                return decisions;
            });
        }).thenCompose(next -> next);
    }

    /** Gives back what the store has charged; what was granted without it is not the store's to give. */
    private CompletionStage<Void> giveBack() {
        List<CompletableFuture<?>> done = new ArrayList<>();
        held.forEach(place -> done.add(place.release().toCompletableFuture()));
        held.clear();
        List<Ask> charged = new ArrayList<>();
        for (int i = 0; i < rates.size(); i++) {
            if (decisions.get(i).source().isCharged()) {
                charged.add(rates.get(i));
            }
        }
        done.add(refund.apply(charged).toCompletableFuture());
        return CompletableFuture.allOf(done.toArray(CompletableFuture<?>[]::new));
    }
}
