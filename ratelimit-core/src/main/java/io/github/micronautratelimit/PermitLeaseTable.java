package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;

/**
 * The leases there are, by policy and key: filled by calls in the background, swept every quarter of a second while there are
 * any, and counted.
 */
final class PermitLeaseTable {

    static final int MAX_KEYS = 10_000;
    private static final Duration SWEEP = Duration.ofMillis(250);
    /** What draining may take, and how many calls are under way meanwhile. */
    private static final Duration FAREWELL = Duration.ofSeconds(2);
    private static final int IN_FLIGHT = 64;

    final LongAdder leased = new LongAdder();
    final LongAdder granted = new LongAdder();
    final LongAdder returned = new LongAdder();
    final LongAdder lapsed = new LongAdder();

    private final Guard guard;
    private final MicroClock clock;
    private final Cache<Name, PermitLease> leases = Caffeine.newBuilder().maximumSize(MAX_KEYS).executor(Runnable::run)
            .removalListener(this::removed).build();
    private final AtomicBoolean sweeping = new AtomicBoolean();
    private volatile boolean drained;

    private record Name(String policy, String key) {
    }

    PermitLeaseTable(Guard guard, MicroClock clock) {
        this.guard = guard;
        this.clock = clock;
    }

    private void removed(@Nullable Name name, @Nullable PermitLease lease, RemovalCause cause) {
        if (cause.wasEvicted() && lease != null) {
            end(lease);
        }
    }

    /** The permits held, and those on their way back. */
    long held() {
        return Math.max(0, leased.sum() - granted.sum() - returned.sum() - lapsed.sum());
    }

    @Nullable PermitLease find(Policy policy, String key) {
        return leases.getIfPresent(new Name(policy.name(), key));
    }

    /** The lease of a key, an empty one if there was none under these limits. */
    PermitLease of(Policy policy, String key, long now) {
        Name name = new Name(policy.name(), key);
        PermitLease found = leases.getIfPresent(name);
        while (found == null || !found.policy().equals(policy)) {
            if (found != null && leases.asMap().remove(name, found)) {
                end(found);
            }
            PermitLease fresh = new PermitLease(policy, key, now, lapsed);
            found = leases.asMap().putIfAbsent(name, fresh);
            if (found == null) {
                found = fresh;
                sweepLater();
            }
        }
        return found;
    }

    /** Gives back what is held, and forgets the lease; completes when that is done. */
    CompletableFuture<Void> remove(PermitLease lease) {
        leases.asMap().remove(new Name(lease.policy().name(), lease.key()), lease);
        return end(lease);
    }

    /** Asks the store for more, if it is time. */
    void refill(PermitLease lease, long now) {
        long wanted = lease.toRefill(now);
        if (wanted > 0) {
            guard.takeAhead(lease.policy(), lease.key(), wanted).whenComplete((decision, failure) -> {
                long taken = failure == null && decision.allowed() ? wanted : 0;
                leased.add(taken);
                if (failure == null) {
                    lease.learns(decision, now);
                }
                giveBack(lease, lease.refilled(taken,
                        failure == null ? PermitLease.endOf(lease.policy(), decision, now) : now, clock.micros()));
                if (drained) {
                    end(lease);
                }
            });
        }
    }

    private CompletableFuture<Void> end(PermitLease lease) {
        return giveBack(lease, lease.end(clock.micros()));
    }

    /** Never fails. What may or may not have been given back is nobody's any more, and comes back with time. */
    CompletableFuture<Void> giveBack(PermitLease lease, long permits) {
        if (permits == 0) {
            return CompletableFuture.completedFuture(null);
        }
        return guard.giveBack(lease.policy(), lease.key(), permits).toCompletableFuture().handle((done, failure) -> {
            (failure == null ? returned : lapsed).add(permits);
            return null;
        });
    }

    private void sweepLater() {
        if (!sweeping.compareAndSet(false, true)) {
            return;
        }
        CompletableFuture.delayedExecutor(SWEEP.toNanos(), TimeUnit.NANOSECONDS).execute(() -> {
            try {
                sweep();
            } finally {
                // Looked at after it is said: whoever makes a lease later sweeps himself.
                sweeping.set(false);
                if (!leases.asMap().isEmpty()) {
                    sweepLater();
                }
            }
        });
    }

    /**
     * Gives back what was not used. While the store is not asked that is held on to: it is charged, and may be granted.
     */
    void sweep() {
        long now = clock.micros();
        leases.asMap().forEach((name, lease) -> {
            if (guard.isAsking()) {
                giveBack(lease, lease.turn(now));
            } else {
                lease.lapse(now);
            }
            if (lease.isIdle() && leases.asMap().remove(name, lease)) {
                end(lease);
            }
        });
    }

    boolean isDrained() {
        return drained;
    }

    /** Takes nothing ahead any more and gives back what is held; waits for that, but not for long. */
    void drain() {
        drained = true;
        long end = System.nanoTime() + FAREWELL.toNanos();
        List<CompletableFuture<?>> underWay = new ArrayList<>();
        try {
            for (Name name : leases.asMap().keySet()) {
                PermitLease lease = leases.asMap().remove(name);
                if (lease != null) {
                    underWay.add(end(lease));
                }
                if (underWay.size() == IN_FLIGHT) {
                    await(underWay, end);
                }
            }
            await(underWay, end);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void await(List<CompletableFuture<?>> calls, long end) throws InterruptedException {
        try {
            CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new))
                    .get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // They end by themselves, at their deadline.
        }
        calls.clear();
    }
}
