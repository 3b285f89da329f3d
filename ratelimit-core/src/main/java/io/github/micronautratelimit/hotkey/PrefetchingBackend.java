package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.Scheduler;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Grants prefetched permits of hot keys in memory, up to {@link Policy#maxPrefetch()} per key. Such decisions have the
 * source {@link Decision.Source#PREFETCHED}.
 *
 * <p><em>Guarantee.</em> Every granted permit has been charged by the store. Permits that the fallback grants are never
 * added to the prefetched ones.
 *
 * <p><em>Refill.</em> The first request of a key calls the store. Afterwards as many permits are prefetched as were
 * granted in the last half second or in the present one, and never more than half of what the store has left. Keys with
 * fewer than {@value PrefetchThreshold#FIRST} requests per half second prefetch nothing; the policy learns a larger
 * number if prefetching does not save calls, and a smaller one if it does. A refill starts while half of the last one
 * is left, so requests do not wait for it. If too few permits are prefetched, a request takes the rest from the store
 * at once.
 *
 * <p><em>Return.</em> Unused permits are refunded within about a second, and all of them on {@link #drain()}. Until
 * then they are spent for other instances. Permits of a fixed window are not granted after its end.
 *
 * <p><em>Bounds.</em> At most {@value PrefetchCache#MAX_KEYS} keys of at most {@value #MAX_KEY_LENGTH} characters have
 * prefetched permits; those of evicted keys are refunded.
 */
public final class PrefetchingBackend extends ForwardingBackend {

    static final int MAX_KEY_LENGTH = 1024;

    private final MicroClock clock;
    private final PrefetchCache cache;

    /**
     * Creates a prefetching backend.
     *
     * @param backend receives the requests that prefetched permits cannot serve
     * @param source  provides the prefetched permits, from the same store
     * @param clock   must not go back
     */
    public PrefetchingBackend(RateLimitBackend backend, PermitSource source, MicroClock clock) {
        this(backend, source, clock, Scheduler.SYSTEM);
    }

    PrefetchingBackend(RateLimitBackend backend, PermitSource source, MicroClock clock, Scheduler scheduler) {
        super(backend);
        this.clock = clock;
        this.cache = new PrefetchCache(source, clock, scheduler);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        if (!isPrefetched(policy, key, permits)) {
            return delegate().acquire(policy, key, permits);
        }
        long now = clock.micros();
        PrefetchedPermits prefetched = cache.of(policy, key, now);
        long taken = prefetched.take(permits, now);
        return taken == permits
                ? CompletableFuture.completedFuture(granted(prefetched, permits, now))
                : acquireRest(prefetched, policy, permits, taken, now);
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        if (!isPrefetched(policy, key, permits)) {
            return delegate().acquireBlocking(policy, key, permits);
        }
        long now = clock.micros();
        PrefetchedPermits prefetched = cache.of(policy, key, now);
        long taken = prefetched.take(permits, now);
        return taken == permits
                ? granted(prefetched, permits, now)
                : Futures.await(acquireRest(prefetched, policy, permits, taken, now), RateLimitBackendException::of);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return policy.maxPrefetch() == 0
                ? delegate().acquireBatch(policy, key, permits)
                : acquireOneByOne(policy, key, permits);
    }

    private boolean isPrefetched(Policy policy, String key, long permits) {
        return policy.maxPrefetch() > 0 && permits > 0 && key.length() <= MAX_KEY_LENGTH && !cache.isDrained();
    }

    private Decision granted(PrefetchedPermits prefetched, long permits, long now) {
        cache.countGranted(permits);
        prefetched.decided(permits);
        Decision decision = prefetched.decision(now);
        cache.refill(prefetched, now);
        return decision;
    }

    private CompletionStage<Decision> acquireRest(
            PrefetchedPermits prefetched, Policy policy, long permits, long taken, long now) {
        Taking taking = new Taking(prefetched, permits, taken, now);
        return delegate().acquire(policy, prefetched.key(), permits - taken).handle((decision, failure) -> {
            if (failure != null) {
                putBack(taking);
                throw new CompletionException(Futures.unwrap(failure));
            }
            return settle(taking, decision, decision.allowed());
        });
    }

    /** A request that took some of its permits from the prefetched ones; the store decides on the rest. */
    private record Taking(PrefetchedPermits prefetched, long permits, long taken, long calledAt) {

        boolean isComplete() {
            return taken == permits;
        }
    }

    private void putBack(Taking taking) {
        long surplus = taking.prefetched.add(taking.taken, taking.calledAt);
        taking.prefetched.decided(taking.taken);
        cache.refund(taking.prefetched, surplus);
    }

    /** Returns the decision on the whole request from the decision of the store on the rest. */
    private Decision settle(Taking taking, Decision rest, boolean allowed) {
        if (rest.source() == Decision.Source.STORE && !(rest instanceof Decision.Skipped)) {
            taking.prefetched.answered(rest, taking.calledAt);
        }
        if (!allowed) {
            putBack(taking);
            return rest instanceof Decision.Denied denied
                    ? new Decision.Denied(
                            denied.remaining() + taking.taken,
                            denied.retryAfterMicros(),
                            denied.resetAfterMicros(),
                            denied.deniedBy(),
                            denied.source())
                    : rest;
        }
        cache.countGranted(taking.taken);
        taking.prefetched.decided(taking.taken);
        if (rest.source() == Decision.Source.STORE) {
            // Refilled before this request counts as demand, so that a key with a single request prefetches nothing.
            cache.refill(taking.prefetched, clock.micros());
            taking.prefetched.grantedByStore(taking.permits, taking.taken);
        }
        return taking.taken > 0 && rest instanceof Decision.Allowed store ? sinceOldest(store, taking) : rest;
    }

    /** Permits of two charges count as those of the earlier one, so that a refund gives back rather too little. */
    private static Decision sinceOldest(Decision.Allowed rest, Taking taking) {
        return new Decision.Allowed(
                rest.remaining(),
                rest.resetAfterMicros(),
                rest.source(),
                rest.nextPermitMicros(),
                Math.min(rest.chargedAtMicros(), taking.prefetched.chargedAt()));
    }

    /** Returns the decision on a request that prefetched permits serve completely. */
    private Decision settleComplete(Taking taking, boolean allowed) {
        if (allowed) {
            return granted(taking.prefetched, taking.permits, taking.calledAt);
        }
        putBack(taking);
        return taking.prefetched.decision(taking.calledAt);
    }

    /** Takes prefetched permits first. If the store denies the rest, they are put back. */
    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        long now = clock.micros();
        List<@Nullable Taking> takings = new ArrayList<>(requests.size());
        List<PermitRequest> rest = new ArrayList<>(requests.size());
        for (PermitRequest request : requests) {
            Taking taking = take(request, now);
            takings.add(taking);
            if (taking == null || taking.taken == 0) {
                rest.add(request);
            } else if (!taking.isComplete()) {
                rest.add(new PermitRequest(request.policy(), request.key(), request.permits() - taking.taken));
            }
        }
        CompletionStage<List<Decision>> decided = rest.isEmpty()
                ? CompletableFuture.completedFuture(List.of())
                : delegate().acquireAll(rest);
        return decided.handle((made, failure) -> {
            if (failure != null) {
                takings.forEach(taking -> {
                    if (taking != null) {
                        putBack(taking);
                    }
                });
                throw new CompletionException(Futures.unwrap(failure));
            }
            return settle(takings, made);
        });
    }

    private @Nullable Taking take(PermitRequest request, long now) {
        if (!isPrefetched(request.policy(), request.key(), request.permits())) {
            return null;
        }
        PrefetchedPermits prefetched = cache.of(request.policy(), request.key(), now);
        return new Taking(prefetched, request.permits(), prefetched.take(request.permits(), now), now);
    }

    private List<Decision> settle(List<@Nullable Taking> takings, List<Decision> made) {
        boolean allowed = made.stream().allMatch(Decision::allowed);
        Iterator<Decision> rest = made.iterator();
        List<Decision> decisions = new ArrayList<>(takings.size());
        for (Taking taking : takings) {
            if (taking == null) {
                decisions.add(rest.next());
            } else if (taking.isComplete()) {
                decisions.add(settleComplete(taking, allowed));
            } else {
                decisions.add(settle(taking, rest.next(), allowed));
            }
        }
        return decisions;
    }

    /** Refunds permits that were not used in time. */
    void sweep() {
        cache.sweep();
    }

    /** Includes the prefetched permits in what the store has left. */
    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        PrefetchedPermits prefetched = cache.find(policy, key);
        long held = prefetched == null || permits > policy.capacity() ? 0 : prefetched.held(clock.micros());
        CompletionStage<Decision> seen = delegate().peek(policy, key, Math.max(0, permits - held));
        return held == 0
                ? seen
                : seen.thenApply(decision -> {
                    long remaining = Math.min(policy.capacity(), decision.remaining() + held);
                    return decision.allowed()
                            ? new Decision.Allowed(
                                    remaining,
                                    decision.resetAfterMicros(),
                                    decision.source(),
                                    decision.nextPermitMicros(),
                                    Decision.Allowed.UNKNOWN_TIME)
                            : new Decision.Denied(
                                    remaining,
                                    decision.retryAfterMicros(),
                                    decision.resetAfterMicros(),
                                    decision.deniedBy(),
                                    decision.source());
                });
    }

    /**
     * If more is refunded than was granted here lately, the prefetched permits are refunded first, because the store
     * would forget their charge too.
     */
    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        PrefetchedPermits prefetched = cache.find(policy, key);
        if (prefetched == null || prefetched.takesBack(permits)) {
            return delegate().refund(policy, key, permits, chargedAtMicros);
        }
        return cache.remove(prefetched).thenCompose(done -> delegate().refund(policy, key, permits, chargedAtMicros));
    }

    /** Refunds the prefetched permits of this instance. Other instances may still grant theirs. */
    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return delegate().block(policy, key, micros).whenComplete((done, failure) -> {
            PrefetchedPermits prefetched = cache.find(policy, key);
            if (prefetched != null) {
                cache.remove(prefetched);
            }
        });
    }

    /** Forgets the prefetched permits, because the store no longer knows their charge. */
    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return delegate().reset(policy, key).whenComplete((done, failure) -> {
            PrefetchedPermits prefetched = cache.find(policy, key);
            if (prefetched != null) {
                prefetched.forget();
                cache.remove(prefetched);
            }
        });
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        stats.prefetch(cache.stats());
        super.collectStats(stats);
    }

    @Override
    public void close() {
        drain();
        super.close();
    }

    /**
     * Stops prefetching and refunds all prefetched permits. Waits for the refunds, at most two seconds. Decisions
     * continue, each by a call to the store. For an application that is about to stop while its store is reachable.
     */
    public void drain() {
        cache.drain();
    }
}
