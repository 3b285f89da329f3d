package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The slots of concurrency limits that a request holds until {@link #close()}.
 *
 * <p>While the lease is open, one thread shared by all leases renews its slots three times per lease time. If the
 * process dies or cannot reach the store, the slots are free one lease time after the last renewal. Each renewal tries
 * to regain a lost slot; {@link #isHeld()} returns the result. A slot is released after {@link Policy#holdAtMost()}.
 *
 * <p>A denied request has a lease too, which holds nothing. Safe for use by any number of threads.
 */
public final class Lease implements AutoCloseable {

    private final Decisions decisions;
    private final List<HeldSlot> slots;
    /** The slots of policies in shadow mode, which nothing waits for. */
    private final List<ShadowSlots> shadowSlots;

    Lease(Decisions decisions, List<HeldSlot> slots) {
        this(decisions, slots, List.of());
    }

    private Lease(Decisions decisions, List<HeldSlot> slots, List<ShadowSlots> shadowSlots) {
        this.decisions = decisions;
        this.slots = List.copyOf(slots);
        this.shadowSlots = List.copyOf(shadowSlots);
    }

    /** Returns this lease with the decisions and slots of policies in shadow mode. */
    Lease withShadow(Decisions all, List<ShadowSlots> more) {
        return new Lease(all, slots, more);
    }

    /**
     * Returns the requests and the decisions on them. A policy with limits of both kinds appears as two requests of the
     * same name, see {@link Policy#rateLimitsOnly()} and {@link Policy#concurrencyOnly()}. Permits come first; if they
     * were denied, the slots are {@link Decision.Skipped}.
     *
     * @return the decisions
     */
    public Decisions decisions() {
        return decisions;
    }

    /**
     * Returns whether the request may proceed.
     *
     * @return {@code true} if all permits and slots were granted
     */
    public boolean allowed() {
        return decisions.allowed();
    }

    /**
     * Returns whether there is a slot to release.
     *
     * @return {@code false} if the request was denied or no policy has a concurrency limit
     */
    public boolean hasSlots() {
        return !slots.isEmpty() || !shadowSlots.isEmpty();
    }

    /**
     * Returns the part of this lease whose policies have a given {@link Policy#holdUntil()}, so that an integration can
     * release each slot at its own time.
     *
     * @param until the end at which the slots are released
     * @return a lease of the same decisions with these slots only, perhaps none
     */
    public Lease heldUntil(HoldUntil until) {
        List<HeldSlot> part =
                slots.stream().filter(slot -> slot.holdUntil() == until).toList();
        List<ShadowSlots> shadowPart = shadowSlots.stream()
                .filter(shadow -> shadow.policy().holdUntil() == until)
                .toList();
        return part.size() == slots.size() && shadowPart.size() == shadowSlots.size()
                ? this
                : new Lease(decisions, part, shadowPart);
    }

    /**
     * Returns whether all slots are held, as of the last renewal that the store answered. While the store is
     * unavailable, the {@link OnError} of each policy decides.
     *
     * @return {@code false} if denied or released, or if a slot was lost and not regained
     */
    public boolean isHeld() {
        return allowed() && slots.stream().allMatch(HeldSlot::isHeld);
    }

    /**
     * Renews the slots now, in addition to the automatic renewals. Tries to regain lost slots.
     *
     * @return whether all slots are held; fails if the store fails and the limiter has no guard
     */
    public CompletionStage<Boolean> renew() {
        CompletionStage<Boolean> all = CompletableFuture.completedFuture(allowed());
        for (HeldSlot slot : slots) {
            all = all.thenCombine(slot.renew(), Boolean::logicalAnd);
        }
        return all;
    }

    /**
     * Releases the slots; does nothing after the first call. Permits stay spent.
     *
     * @return completes when the store has released the slots; fails if the store fails. A guard then repeats the
     *         release until the store confirms it; without a guard the slots are free after one lease time
     */
    public CompletionStage<Void> release() {
        shadowSlots.forEach(ShadowSlots::release);
        return CompletableFuture.allOf(
                slots.stream().map(slot -> slot.release().toCompletableFuture()).toArray(CompletableFuture<?>[]::new));
    }

    /** Starts to {@link #release()} and does not wait for it. */
    @Override
    public void close() {
        release();
    }
}
