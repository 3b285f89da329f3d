package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One slot under one policy and key, renewed until it is released, or until it has been held for as long as the policy
 * allows.
 */
final class HeldSlot {

    private static final Logger LOG = LoggerFactory.getLogger(HeldSlot.class);
    private static final int RENEWALS_PER_LEASE = 3;
    private static final int NANOS_PER_MICRO = 1_000;
    private static final long UNBOUNDED = Long.MAX_VALUE;

    private final ConcurrencyBackend slots;
    private final Policy policy;
    private final String key;
    private final UUID holder;
    private final long renewEveryNanos;
    private final long holdAtMostNanos;
    private final HoldTimes times;
    private final LongSupplier nanoTime;
    private final Runnable afterRelease;
    private final long heldSince;
    private final AtomicBoolean renewing = new AtomicBoolean();
    private final AtomicBoolean released = new AtomicBoolean();
    private volatile boolean held = true;
    /** Used by the thread of {@link LeaseRenewer} only. */
    private long renewAt;

    /**
     * Creates a slot that was acquired just now, by a monotonic clock in nanoseconds.
     *
     * @param afterRelease runs when the store has released the slot
     */
    HeldSlot(
            ConcurrencyBackend slots,
            Policy policy,
            String key,
            UUID holder,
            HoldTimes times,
            LongSupplier nanoTime,
            Runnable afterRelease) {
        this.slots = slots;
        // Renewals run in the background, so they wait for the store even if the caller did not.
        this.policy = policy.deadline() != null && policy.deadline().isZero() ? policy.withDeadline(null) : policy;
        this.key = key;
        this.holder = holder;
        this.renewEveryNanos = policy.requireConcurrency().leaseMicros() * NANOS_PER_MICRO / RENEWALS_PER_LEASE;
        this.holdAtMostNanos =
                policy.holdAtMost() == null ? UNBOUNDED : policy.holdAtMost().toNanos();
        this.times = times;
        this.nanoTime = nanoTime;
        this.afterRelease = afterRelease;
        this.heldSince = nanoTime.getAsLong();
        this.renewAt = heldSince + renewEveryNanos;
    }

    HoldUntil holdUntil() {
        return policy.holdUntil();
    }

    boolean isHeld() {
        return held && !released.get();
    }

    boolean isReleased() {
        return released.get();
    }

    /**
     * Releases a slot that has been held for as long as the policy allows. Otherwise starts a renewal that is due,
     * unless the previous one is still running.
     */
    void renewIfDue(long nowNanos) {
        if (nowNanos - heldSince >= holdAtMostNanos) {
            LOG.debug(
                    "Released a concurrency slot of policy \"{}\": it was held for {}.",
                    policy.name(),
                    policy.holdAtMost());
            release();
        } else if (nowNanos - renewAt >= 0 && renewing.compareAndSet(false, true)) {
            renewAt = nowNanos + renewEveryNanos;
            renew().whenComplete((done, failure) -> renewing.set(false));
        }
    }

    /**
     * Renews the lease. If the lease has expired, takes a free slot under the same holder. If the store fails, the slot
     * counts as unchanged.
     */
    CompletionStage<Boolean> renew() {
        if (released.get()) {
            return CompletableFuture.completedFuture(false);
        }
        return Futures.call(() -> slots.renew(policy, key, holder))
                .thenCompose(renewed -> renewed || released.get()
                        ? CompletableFuture.completedFuture(renewed)
                        : slots.acquire(policy, key, holder).thenApply(Decision::allowed))
                .thenApply(renewed -> {
                    if (renewed != held && !released.get()) {
                        logChange(renewed);
                    }
                    held = renewed;
                    if (renewed && released.get()) {
                        // The release crossed the renewal: the store may have seen it first.
                        Futures.call(() -> slots.release(policy, key, holder));
                    }
                    return renewed && !released.get();
                });
    }

    private void logChange(boolean renewed) {
        if (renewed) {
            LOG.info("Regained a concurrency slot of policy \"{}\".", policy.name());
        } else {
            LOG.warn(
                    "Lost a concurrency slot of policy \"{}\": it was not renewed in time and all slots are taken. "
                            + "Retrying at each renewal.",
                    policy.name());
        }
    }

    /** Does nothing after the first call. */
    CompletionStage<Void> release() {
        if (!released.compareAndSet(false, true)) {
            return CompletableFuture.completedFuture(null);
        }
        times.released(policy.name(), (nanoTime.getAsLong() - heldSince) / NANOS_PER_MICRO);
        return Futures.call(() -> slots.release(policy, key, holder))
                .whenComplete((done, failure) -> afterRelease.run());
    }

    /** Releases a slot whose request was denied by another limit, so that its time says nothing about requests. */
    CompletionStage<Void> giveBack() {
        return released.compareAndSet(false, true)
                ? Futures.call(() -> slots.release(policy, key, holder))
                : CompletableFuture.completedFuture(null);
    }
}
