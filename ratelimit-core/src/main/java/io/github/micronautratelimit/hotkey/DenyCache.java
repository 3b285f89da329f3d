package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.Limit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Caches denials: a request that the store has denied is denied here until the instant the store named. Such denials
 * have the source {@link Decision.Source#DENY_CACHE} and the remaining time to wait.
 *
 * <p><em>Reuse.</em> A cached denial applies to requests of the same cost under the same limits. A cheaper request may
 * pass and a more expensive one has to wait longer, so both go to the store. If several costs were denied, the lowest
 * one is cached. The time to wait counts from the start of the call, which is never later than the decision of the
 * store.
 *
 * <p><em>Invalidation.</em> A refund, block or reset through this instance, or other limits, remove the denial of the
 * key. Those of other instances take effect when the denial reaches its maximum age. The cache therefore denies nothing
 * that the store would grant, except for at most that age after another instance has given permits back.
 *
 * <p><em>Memory.</em> At most {@value #MAX_KEYS} keys are cached; long keys are stored as hashes.
 */
public final class DenyCache extends ForwardingBackend {

    static final int MAX_KEYS = 10_000;

    private static final int STRIPES = 256;

    private final MicroClock clock;
    private final long maxAgeMicros;
    private final Map<Name, Denial> denials = new ConcurrentHashMap<>();
    /** The position of the eviction, guarded by this. */
    private Iterator<Denial> nextEvicted = denials.values().iterator();

    /**
     * Counts refunds, blocks and resets by the hash of the key. A denial is cached only if there was none during the
     * call, because the denial may be older.
     */
    private final AtomicIntegerArray invalidations = new AtomicIntegerArray(STRIPES);

    private final LongAdder hits = new LongAdder();

    private record Name(String policy, Object key) {

        static Name of(Policy policy, String key) {
            return new Name(policy.stateName(), KeyHash.bounded(key));
        }
    }

    /** A cached denial: its cost, its expiry in the store, and its expiry in this cache. */
    private record Denial(
            List<Limit> limits,
            long permits,
            long retryAtMicros,
            long expiresAtMicros,
            long resetAtMicros,
            long remaining,
            List<Limit> deniedBy) {

        boolean isExpired(long now) {
            return now >= retryAtMicros || now >= expiresAtMicros;
        }

        Decision at(long now) {
            return new Decision.Denied(
                    remaining,
                    retryAtMicros - now,
                    Math.max(0, resetAtMicros - now),
                    deniedBy,
                    Decision.Source.DENY_CACHE);
        }
    }

    /**
     * Creates a deny cache.
     *
     * @param backend receives all other requests
     * @param clock   must not go back
     * @param maxAge  the longest time a denial is cached, more than 0
     */
    public DenyCache(RateLimitBackend backend, MicroClock clock, Duration maxAge) {
        super(backend);
        this.clock = clock;
        this.maxAgeMicros = Micros.of(maxAge);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        Name name = Name.of(policy, key);
        long now = clock.micros();
        Decision cached = cached(name, policy, permits, now);
        if (cached != null) {
            hits.increment();
            return CompletableFuture.completedFuture(cached);
        }
        int before = invalidations.get(stripe(name));
        CompletionStage<Decision> answer = delegate().acquire(policy, key, permits);
        Decision atOnce = Futures.resultNow(answer);
        if (atOnce != null) {
            cache(name, policy, permits, atOnce, now, before);
            return answer;
        }
        return answer.thenApply(decision -> {
            cache(name, policy, permits, decision, now, before);
            return decision;
        });
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        Name name = Name.of(policy, key);
        long now = clock.micros();
        Decision cached = cached(name, policy, permits, now);
        if (cached != null) {
            hits.increment();
            return cached;
        }
        int before = invalidations.get(stripe(name));
        Decision decision = delegate().acquireBlocking(policy, key, permits);
        cache(name, policy, permits, decision, now, before);
        return decision;
    }

    /** Decides one by one if a request may be denied from the cache, which saves the call to the store. */
    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        Name name = Name.of(policy, key);
        long now = clock.micros();
        for (long cost : permits) {
            if (cached(name, policy, cost, now) != null) {
                return acquireOneByOne(policy, key, permits);
            }
        }
        int before = invalidations.get(stripe(name));
        return delegate().acquireBatch(policy, key, permits).thenApply(made -> {
            for (int i = 0; i < made.size(); i++) {
                cache(name, policy, permits.get(i), made.get(i), now, before);
            }
            return made;
        });
    }

    /** If one request is denied from the cache, the others are skipped. */
    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        long now = clock.micros();
        List<Name> names = new ArrayList<>(requests.size());
        List<Decision> decisions = new ArrayList<>(requests.size());
        int[] before = new int[requests.size()];
        boolean denied = false;
        for (PermitRequest request : requests) {
            Name name = Name.of(request.policy(), request.key());
            Decision cached = cached(name, request.policy(), request.permits(), now);
            denied |= cached != null;
            before[names.size()] = invalidations.get(stripe(name));
            names.add(name);
            decisions.add(cached != null ? cached : new Decision.Skipped(Decision.Source.DENY_CACHE));
        }
        if (denied) {
            hits.increment();
            return CompletableFuture.completedFuture(decisions);
        }
        return delegate().acquireAll(requests).thenApply(made -> {
            for (int i = 0; i < made.size(); i++) {
                // A key that occurs twice may be denied because of permits that the same request takes.
                if (names.indexOf(names.get(i)) == names.lastIndexOf(names.get(i))) {
                    PermitRequest request = requests.get(i);
                    cache(names.get(i), request.policy(), request.permits(), made.get(i), now, before[i]);
                }
            }
            return made;
        });
    }

    private @Nullable Decision cached(Name name, Policy policy, long permits, long now) {
        Denial denial = denials.get(name);
        if (denial == null) {
            return null;
        }
        if (!denial.limits.equals(policy.rateLimits())) {
            denials.remove(name, denial);
            return null;
        }
        return denial.permits != permits || denial.isExpired(now) ? null : denial.at(now);
    }

    private void cache(Name name, Policy policy, long permits, Decision decision, long calledAt, int before) {
        if (!(decision instanceof Decision.Denied denied)
                || denied.source() != Decision.Source.STORE
                || denied.retryAfterMicros() <= 0) {
            return;
        }
        Denial present = denials.get(name);
        if (present != null
                && present.permits < permits
                && present.limits.equals(policy.rateLimits())
                && !present.isExpired(clock.micros())) {
            return;
        }
        denials.put(
                name,
                new Denial(
                        policy.rateLimits(),
                        permits,
                        calledAt + denied.retryAfterMicros(),
                        calledAt + maxAgeMicros,
                        calledAt + denied.resetAfterMicros(),
                        denied.remaining(),
                        denied.deniedBy()));
        if (denials.size() > MAX_KEYS) {
            evict();
        }
        // Read after the put: a later invalidation removes the denial itself.
        if (invalidations.get(stripe(name)) != before) {
            denials.remove(name);
        }
    }

    /**
     * Removes denials in the order of the map. They expire within seconds, so an order by use, which costs more than a
     * decision on every look-up, would save few calls to the store.
     */
    private synchronized void evict() {
        while (denials.size() > MAX_KEYS) {
            if (!nextEvicted.hasNext()) {
                nextEvicted = denials.values().iterator();
            }
            nextEvicted.next();
            nextEvicted.remove();
        }
    }

    /** Returns the number of cached keys. */
    long keys() {
        return denials.size();
    }

    private void invalidate(Policy policy, String key) {
        Name name = Name.of(policy, key);
        invalidations.incrementAndGet(stripe(name));
        denials.remove(name);
    }

    private static int stripe(Name name) {
        int hash = name.hashCode();
        return (hash ^ hash >>> 16) & STRIPES - 1;
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return delegate()
                .refund(policy, key, permits, chargedAtMicros)
                .whenComplete((done, failure) -> invalidate(policy, key));
    }

    /** A settlement may give permits back. */
    @Override
    public CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        return delegate().settle(policy, key, receipt, actual).whenComplete((done, failure) -> invalidate(policy, key));
    }

    /** A blocked key may be denied for longer than the cached denial says. */
    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return delegate().block(policy, key, micros).whenComplete((done, failure) -> invalidate(policy, key));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return delegate().reset(policy, key).whenComplete((done, failure) -> invalidate(policy, key));
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        stats.addDenyCacheHits(hits.sum());
        super.collectStats(stats);
    }
}
