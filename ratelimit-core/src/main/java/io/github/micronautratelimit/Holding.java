package io.github.micronautratelimit;

import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One place under one policy and key, kept until it is released. */
final class Holding {

    private static final Logger LOG = LoggerFactory.getLogger(Lease.class);
    private static final int RENEWALS_PER_LEASE = 3;

    private final LeaseBackend leases;
    private final Policy policy;
    private final String key;
    private final UUID holder;
    private final long renewEveryNanos;
    private final AtomicBoolean renewing = new AtomicBoolean();
    private final AtomicBoolean released = new AtomicBoolean();
    private volatile boolean held = true;
    /** Touched by the thread that renews alone. */
    private long renewAt;

    Holding(LeaseBackend leases, Policy policy, String key, UUID holder, long leaseMicros) {
        this.leases = leases;
        this.policy = policy;
        this.key = key;
        this.holder = holder;
        this.renewEveryNanos = leaseMicros * 1_000 / RENEWALS_PER_LEASE;
        this.renewAt = System.nanoTime() + renewEveryNanos;
        Renewals.SHARED.of(this);
    }

    boolean isHeld() {
        return held && !released.get();
    }

    boolean isReleased() {
        return released.get();
    }

    /** Begins a renewal if it is time to. A store that does not answer is not asked again and again. */
    void renewIfDue(long nowNanos) {
        if (nowNanos - renewAt >= 0 && renewing.compareAndSet(false, true)) {
            renewAt = nowNanos + renewEveryNanos;
            renew().whenComplete((done, failure) -> renewing.set(false));
        }
    }

    /** Keeps the place; one that was lost is taken anew, if it can be. If the store fails, nothing is known to have changed. */
    CompletionStage<Boolean> renew() {
        if (released.get()) {
            return CompletableFuture.completedFuture(false);
        }
        return RateLimiter.called(() -> leases.renew(policy, key, holder))
                .thenCompose(kept -> kept || released.get()
                        ? CompletableFuture.completedFuture(kept)
                        : leases.acquire(policy, key, holder).thenApply(Decision::allowed))
                .thenApply(kept -> {
                    if (kept != held && !released.get()) {
                        tell(kept);
                    }
                    held = kept;
                    if (kept && released.get()) {
                        // Taken anew while it was released: whichever the store saw first, it is to be free.
                        RateLimiter.called(() -> leases.release(policy, key, holder));
                    }
                    return kept && !released.get();
                });
    }

    private void tell(boolean kept) {
        if (kept) {
            LOG.info("A place under the policy \"{}\" is held again.", policy.name());
        } else {
            LOG.warn("A place under the policy \"{}\" was lost, for it was not renewed in time, and others hold all there "
                    + "are; it is asked for again with each renewal.", policy.name());
        }
    }

    CompletionStage<Void> release() {
        if (!released.compareAndSet(false, true)) {
            return CompletableFuture.completedFuture(null);
        }
        return RateLimiter.called(() -> leases.release(policy, key, holder));
    }
}
