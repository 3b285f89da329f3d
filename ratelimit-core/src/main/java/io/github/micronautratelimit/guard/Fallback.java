package io.github.micronautratelimit.guard;

import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.LoadingCache;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides by the {@link OnError} of each policy, without a store.
 *
 * <p>The counters of {@link OnError#LOCAL} count everything that this instance is granted: by the store as well, as far
 * as it fits the share of the instance. If they counted fallbacks only, each late answer would draw on a second limit,
 * which refills as fast as the one in the store.
 */
final class Fallback {

    /** Says whether permits granted here are charged to the store after the outage. */
    enum Charge {
        LATER,
        /** The store may have charged them already, or never will. */
        NOT
    }

    /** A resolver may make a policy per key, so the cache of shares has a bound. */
    static final int MAX_POLICIES = 1_000;

    /** A power of two. */
    private static final int RECENT = 16;

    /** Immutable, so threads need no synchronization to share it. */
    private record RecentShare(Policy policy, InstanceShare share) {}

    private final MicroClock clock;
    private final MemoryBackend local;
    private final LocalConcurrencyFallback concurrency;
    private final UnsettledCharges unsettled;
    private final LoadingCache<Policy, InstanceShare> shares;
    /** The shares used last, by hash: the look-up in the cache takes longer than to count a grant. */
    private final @Nullable RecentShare[] recent = new RecentShare[RECENT];

    Fallback(MicroClock clock, int instances, UnsettledCharges unsettled) {
        this.clock = clock;
        this.local = new MemoryBackend(clock, MemoryBackend.defaultMaxKeys());
        this.concurrency = new LocalConcurrencyFallback(local.concurrency(), instances);
        this.unsettled = unsettled;
        this.shares = Caffeine.newBuilder()
                .maximumSize(MAX_POLICIES)
                .executor(Runnable::run)
                .build(policy -> new InstanceShare(policy, instances));
    }

    private InstanceShare shareOf(Policy policy) {
        int slot = policy.hashCode() & RECENT - 1;
        RecentShare last = recent[slot];
        if (last == null || last.policy != policy) {
            last = new RecentShare(policy, shares.get(policy));
            recent[slot] = last;
        }
        return last.share;
    }

    /** Adds the keys that are counted here: their bound matters as much during an outage as in memory alone. */
    void collectStats(LimiterStats.Collector stats) {
        local.collectStats(stats);
    }

    Decision acquire(Policy policy, String key, long permits, Charge charge) {
        Decision decision;
        if (policy.onError() != OnError.LOCAL) {
            decision = UncountedDecision.of(policy);
        } else {
            InstanceShare share = shareOf(policy);
            decision = decided(
                    new PermitRequest(policy, key, permits),
                    share,
                    local.acquireBlocking(share.policy(), key, permits),
                    charge);
        }
        countUncharged(policy, permits, decision, charge);
        return decision;
    }

    private void countUncharged(Policy policy, long permits, Decision decision, Charge charge) {
        if (decision.allowed() && (charge == Charge.NOT || policy.onError() == OnError.OPEN)) {
            unsettled.addUncharged(permits);
        }
    }

    /** Counts the permits that the store has granted to this instance. */
    void follow(Policy policy, String key, long permits, Decision decision) {
        if (permits > 0 && decision.allowed() && policy.onError() == OnError.LOCAL) {
            local.charge(shareOf(policy).followed(), key, permits);
        }
    }

    /** Counts the permits of requests that the store has decided together: charged are all or none. */
    void followAll(List<PermitRequest> requests, List<Decision> decisions) {
        if (decisions.stream().allMatch(Decision::allowed)) {
            for (int i = 0; i < decisions.size(); i++) {
                PermitRequest request = requests.get(i);
                follow(request.policy(), request.key(), request.permits(), decisions.get(i));
            }
        }
    }

    /** Counts the permits that the store has taken back from this instance. */
    void followRefund(Policy policy, String key, long permits, long chargedAtMicros) {
        if (policy.onError() == OnError.LOCAL) {
            local.refund(shareOf(policy).followed(), key, permits, chargedAtMicros);
        }
    }

    /** Counts what the settlement of a reservation has changed in the store. */
    void followSettlement(
            Policy policy, String key, Reservation.Receipt receipt, long actual, Reservation.Settlement settlement) {
        if (policy.onError() != OnError.LOCAL || settlement.outcome() == Reservation.Outcome.UNKNOWN) {
            return;
        }
        if (actual > receipt.permits()) {
            local.charge(shareOf(policy).followed(), key, actual - receipt.permits());
        } else {
            followRefund(policy, key, receipt.permits() - actual, receipt.chargedAtMicros());
        }
    }

    /** Grants all or none of the requests that are decided locally. */
    List<Decision> acquireAll(List<PermitRequest> requests, Charge charge) {
        boolean closed = requests.stream().anyMatch(request -> request.policy().onError() == OnError.CLOSED);
        List<PermitRequest> counted = new ArrayList<>();
        for (PermitRequest request : requests) {
            if (!closed && request.policy().onError() == OnError.LOCAL) {
                counted.add(new PermitRequest(shareOf(request.policy()).policy(), request.key(), request.permits()));
            }
        }
        List<Decision> made = local.acquireAll(counted).join();
        boolean granted = made.stream().allMatch(Decision::allowed);
        int next = 0;
        List<Decision> decisions = new ArrayList<>(requests.size());
        for (PermitRequest request : requests) {
            decisions.add(
                    closed || request.policy().onError() != OnError.LOCAL
                            ? UncountedDecision.of(request.policy())
                            : decided(
                                    request,
                                    shareOf(request.policy()),
                                    made.get(next++),
                                    granted ? charge : Charge.NOT));
        }
        if (decisions.stream().allMatch(Decision::allowed)) {
            for (int i = 0; i < decisions.size(); i++) {
                PermitRequest request = requests.get(i);
                countUncharged(request.policy(), request.permits(), decisions.get(i), charge);
            }
        }
        return decisions;
    }

    Decision peek(Policy policy, String key, long permits) {
        if (policy.onError() != OnError.LOCAL) {
            return UncountedDecision.of(policy);
        }
        InstanceShare share = shareOf(policy);
        return decided(
                new PermitRequest(policy, key, permits),
                share,
                local.peek(share.policy(), key, permits).join(),
                Charge.NOT);
    }

    /** Returns what this instance has counted; for an on-error that counts nothing, all permits are free, or none. */
    List<Limit.Usage> usage(Policy policy, String key) {
        if (policy.onError() == OnError.LOCAL) {
            InstanceShare share = shareOf(policy);
            return share.usage(local.usage(share.policy(), key).join());
        }
        long now = clock.micros();
        return policy.rateLimits().stream()
                .map(limit -> limit.stateAt(null, now)
                        .charge(policy.onError() == OnError.CLOSED ? limit.capacity() : 0)
                        .usage(now)
                        .get(0)
                        .asEstimateOf(limit))
                .toList();
    }

    void refund(Policy policy, String key, long permits, long chargedAtMicros) {
        Policy share = shareOf(policy).policy();
        local.refund(share, key, permits, chargedAtMicros);
        unsettled.refund(policy, key, permits, chargedAtMicros);
    }

    void reset(Policy policy, String key) {
        local.reset(policy, key);
        unsettled.remove(policy, key);
    }

    LocalConcurrencyFallback concurrency() {
        return concurrency;
    }

    /** Returns the number of cached policies. */
    long policies() {
        shares.cleanUp();
        return shares.estimatedSize();
    }

    private Decision decided(PermitRequest request, InstanceShare share, Decision decision, Charge charge) {
        if (decision.allowed()) {
            if (charge == Charge.LATER && request.permits() > 0) {
                unsettled.record(request.policy(), share.policy(), request.key(), request.permits(), () -> local.state(
                                share.policy(), request.key())
                        .refund(request.permits(), LimitState.LATEST));
            }
            return new Decision.Allowed(
                    decision.remaining(),
                    decision.resetAfterMicros(),
                    Decision.Source.FALLBACK,
                    decision.nextPermitMicros(),
                    ((Decision.Allowed) decision).chargedAtMicros());
        }
        // A request beyond the share of this instance may still pass after the outage.
        boolean exceedsShareOnly = decision.retryAfterMicros() == LimitState.NEVER
                && request.permits() <= request.policy().capacity();
        return new Decision.Denied(
                decision.remaining(),
                exceedsShareOnly ? UncountedDecision.WAIT_MICROS : decision.retryAfterMicros(),
                decision.resetAfterMicros(),
                share.deniedBy(decision),
                Decision.Source.FALLBACK);
    }
}
