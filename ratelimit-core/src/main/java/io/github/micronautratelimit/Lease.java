package io.github.micronautratelimit;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * What a request was granted that lasts: its places under concurrency limits, held until {@link #close()}.
 *
 * <p>While it is open, its places are renewed three times per lease time, by a thread all leases share and that waits for
 * nobody. If the process dies, or cannot reach the store, they come free one lease time after the last renewal. A place
 * that was lost so is asked for anew at each renewal; {@link #isHeld()} tells.
 *
 * <p>A request that was denied has a lease too, which holds nothing. Safe for use by any number of threads.
 */
public final class Lease implements AutoCloseable {

    private final Decisions decisions;
    private final List<Holding> places;

    Lease(Decisions decisions, List<Holding> places) {
        this.decisions = decisions;
        this.places = List.copyOf(places);
    }

    /**
     * What was asked and decided. A policy that limits both how often and how many at once appears as two of the same
     * name: see {@link Policy#ratesOnly()} and {@link Policy#concurrencyOnly()}. The permits come first; if they were
     * denied, no place was asked for.
     *
     * @return the decisions
     */
    public Decisions decisions() {
        return decisions;
    }

    /**
     * Whether the request may go on.
     *
     * @return {@code true} if all it asked for was granted
     */
    public boolean allowed() {
        return decisions.allowed();
    }

    /**
     * Whether there is anything to release: if no policy has a concurrency limit, or the request was denied, there is not.
     *
     * @return {@code true} if places were granted
     */
    public boolean hasPlaces() {
        return !places.isEmpty();
    }

    /**
     * Whether all places are held, as far as is known: as of the last renewal the store answered. While it does not, the
     * policies' {@link OnError} have decided.
     *
     * @return {@code false} if denied, released, or if a place was lost and could not be taken anew
     */
    public boolean isHeld() {
        return allowed() && places.stream().allMatch(Holding::isHeld);
    }

    /**
     * Renews the places now, as is done in passing anyway; those that were lost are taken anew, if they can be.
     *
     * @return whether all are held now; fails if the store does and no {@link Guard} is before it
     */
    public CompletionStage<Boolean> renew() {
        CompletionStage<Boolean> all = CompletableFuture.completedFuture(allowed());
        for (Holding place : places) {
            all = all.thenCombine(place.renew(), Boolean::logicalAnd);
        }
        return all;
    }

    /**
     * Gives the places back; a second time does nothing. Permits stay spent.
     *
     * @return completes when the store has done so; fails if the store does, and then the places come free within one lease
     *         time
     */
    public CompletionStage<Void> release() {
        return CompletableFuture.allOf(places.stream()
                .map(place -> place.release().toCompletableFuture()).toArray(CompletableFuture<?>[]::new));
    }

    /** Begins to {@link #release()}, and does not wait for it. */
    @Override
    public void close() {
        release();
    }
}
