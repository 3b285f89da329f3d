package io.github.micronautratelimit.hotkey;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.IdleStoppingWorker;
import io.github.micronautratelimit.internal.Scheduler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The prefetched permits of all keys: refills them by calls in the background, sweeps them every quarter of a second
 * while there are any, and counts them.
 */
final class PrefetchCache {

    static final int MAX_KEYS = 10_000;
    private static final int MAX_POLICIES = 1_000;
    private static final Duration SWEEP = Duration.ofMillis(250);
    private static final Duration DRAIN = Duration.ofSeconds(2);
    /** Refunds at the same time while draining. */
    private static final int IN_FLIGHT = 64;

    private final LongAdder taken = new LongAdder();
    private final LongAdder granted = new LongAdder();
    private final LongAdder returned = new LongAdder();
    private final LongAdder expired = new LongAdder();

    private final PermitSource source;
    private final MicroClock clock;
    private final Scheduler scheduler;
    private final Cache<Name, PrefetchedPermits> keys = Caffeine.newBuilder()
            .maximumSize(MAX_KEYS)
            .executor(Runnable::run)
            .removalListener(this::removed)
            .build();
    private final Cache<String, PrefetchThreshold> thresholds = Caffeine.newBuilder()
            .maximumSize(MAX_POLICIES)
            .executor(Runnable::run)
            .build();
    private final IdleStoppingWorker sweeper;
    private volatile long sweepDueNanos;
    /** The calls for permits that are not settled yet. */
    private final Set<CompletableFuture<Void>> refills = ConcurrentHashMap.newKeySet();

    private volatile boolean drained;

    private record Name(String policy, String key) {}

    PrefetchCache(PermitSource source, MicroClock clock, Scheduler scheduler) {
        this.source = source;
        this.clock = clock;
        this.scheduler = scheduler;
        this.sweeper = new IdleStoppingWorker(
                "ratelimit-prefetch", () -> !keys.asMap().isEmpty(), this::sweepWhenDue, scheduler);
    }

    private void removed(@Nullable Name name, @Nullable PrefetchedPermits permits, RemovalCause cause) {
        if (cause.wasEvicted() && permits != null) {
            close(permits);
        }
    }

    LimiterStats.Prefetch stats() {
        long takenNow = taken.sum();
        long grantedNow = granted.sum();
        long returnedNow = returned.sum();
        long expiredNow = expired.sum();
        // Includes permits whose refund is under way.
        long held = Math.max(0, takenNow - grantedNow - returnedNow - expiredNow);
        return new LimiterStats.Prefetch(held, takenNow, grantedNow, returnedNow, expiredNow);
    }

    void countGranted(long permits) {
        granted.add(permits);
    }

    @Nullable
    PrefetchedPermits find(Policy policy, String key) {
        return keys.getIfPresent(new Name(policy.stateName(), key));
    }

    /** Returns the permits of a key, new ones if there were none under these limits. */
    PrefetchedPermits of(Policy policy, String key, long now) {
        Name name = new Name(policy.stateName(), key);
        PrefetchedPermits found = keys.getIfPresent(name);
        while (found == null || !found.fits(policy)) {
            if (found != null && keys.asMap().remove(name, found)) {
                close(found);
            }
            PrefetchedPermits fresh = new PrefetchedPermits(policy, key, now, threshold(policy), expired);
            found = keys.asMap().putIfAbsent(name, fresh);
            if (found == null) {
                found = fresh;
                startSweeper();
            }
        }
        return found;
    }

    private PrefetchThreshold threshold(Policy policy) {
        return thresholds.get(policy.name(), name -> new PrefetchThreshold());
    }

    /** A new key is idle until its first decision, so the first sweep is not due at once. */
    private void startSweeper() {
        if (!sweeper.isRunning()) {
            sweepDueNanos = scheduler.nanoTime() + SWEEP.toNanos();
        }
        sweeper.start();
    }

    private long sweepWhenDue(long now) {
        if (now - sweepDueNanos < 0) {
            return sweepDueNanos - now;
        }
        sweep();
        sweepDueNanos = scheduler.nanoTime() + SWEEP.toNanos();
        return SWEEP.toNanos();
    }

    /** Removes and refunds the permits of a key; completes when they are refunded. */
    CompletableFuture<Void> remove(PrefetchedPermits permits) {
        keys.asMap().remove(new Name(permits.policy().stateName(), permits.key()), permits);
        return close(permits);
    }

    /** Takes permits from the store if it is time. */
    void refill(PrefetchedPermits permits, long now) {
        long wanted = permits.startRefill(now);
        if (wanted == 0) {
            return;
        }
        CompletableFuture<Void> settled = new CompletableFuture<>();
        refills.add(settled);
        Futures.call(() -> source.acquire(permits.policy(), permits.key(), wanted))
                .handle((decision, failure) -> refilled(permits, wanted, now, decision, failure))
                .thenCompose(refunds -> refunds)
                .whenComplete((nothing, failure) -> {
                    refills.remove(settled);
                    settled.complete(null);
                });
    }

    /** Adds permits that the store has charged; completes when those that are not kept are refunded. */
    private CompletableFuture<Void> refilled(
            PrefetchedPermits permits, long wanted, long now, Decision decision, @Nullable Throwable failure) {
        long charged = failure == null && decision.allowed() ? wanted : 0;
        taken.add(charged);
        if (failure == null) {
            permits.answered(decision, now);
            permits.called();
        }
        long endsAt = failure == null ? PrefetchedPermits.windowEnd(permits.policy(), decision, now) : now;
        long chargedAt = decision instanceof Decision.Allowed allowed ? allowed.chargedAtMicros() : now;
        CompletableFuture<Void> refunded =
                refund(permits, permits.refilled(charged, chargedAt, endsAt, clock.micros()));
        return drained ? CompletableFuture.allOf(refunded, close(permits)) : refunded;
    }

    private CompletableFuture<Void> close(PrefetchedPermits permits) {
        return refund(permits, permits.close(clock.micros()));
    }

    /** Never fails. Permits whose refund may have failed come back in the store with time. */
    CompletableFuture<Void> refund(PrefetchedPermits permits, long surplus) {
        if (surplus == 0) {
            return CompletableFuture.completedFuture(null);
        }
        List<CompletableFuture<?>> refunds = new ArrayList<>();
        long left = surplus;
        for (PrefetchCharges.Part part : permits.takeCharges(surplus)) {
            refunds.add(refund(permits, part));
            permits.called();
            left -= part.permits();
        }
        expired.add(left);
        return CompletableFuture.allOf(refunds.toArray(CompletableFuture<?>[]::new));
    }

    private CompletableFuture<?> refund(PrefetchedPermits permits, PrefetchCharges.Part part) {
        return source.refund(permits.policy(), permits.key(), part.permits(), part.chargedAtMicros())
                .toCompletableFuture()
                .handle((done, failure) -> {
                    (failure == null ? returned : expired).add(part.permits());
                    return null;
                });
    }

    /**
     * Refunds permits that were not used. While the store is unavailable they are kept, because they are charged and
     * can be granted.
     */
    void sweep() {
        long now = clock.micros();
        keys.asMap().forEach((name, permits) -> {
            if (source.isAvailable(permits.policy(), permits.key())) {
                refund(permits, permits.endPeriod(now));
                permits.learn(now);
            } else {
                permits.expireOldWindow(now);
            }
            if (permits.isIdle() && keys.asMap().remove(name, permits)) {
                close(permits);
            }
        });
    }

    boolean isDrained() {
        return drained;
    }

    /**
     * Stops prefetching and refunds all permits, also those that the store is just charging. Waits for the refunds, at
     * most two seconds.
     */
    void drain() {
        drained = true;
        long end = scheduler.nanoTime() + DRAIN.toNanos();
        List<CompletableFuture<?>> underWay = new ArrayList<>();
        try {
            for (Name name : keys.asMap().keySet()) {
                PrefetchedPermits permits = keys.asMap().remove(name);
                if (permits != null) {
                    underWay.add(close(permits));
                }
                if (underWay.size() == IN_FLIGHT) {
                    await(underWay, end);
                }
            }
            underWay.addAll(refills);
            await(underWay, end);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void await(List<CompletableFuture<?>> calls, long end) throws InterruptedException {
        try {
            scheduler.await(
                    CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new)), end - scheduler.nanoTime());
        } catch (ExecutionException | TimeoutException e) {
            // The calls end at their own deadlines.
        }
        calls.clear();
    }
}
