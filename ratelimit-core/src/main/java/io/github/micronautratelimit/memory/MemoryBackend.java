package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.MapRecord;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the state of all keys in this process.
 *
 * <p><em>Concurrency.</em> A decision is one compare-and-set on the cell of the key, for any number of limits. Several
 * policies are decided in one atomic step over their cells. The backend uses neither locks nor threads nor timers, and
 * returned stages are always complete.
 *
 * <p><em>Memory.</em> Blank keys are evicted in passing, a few at a time. At most {@code maxKeys} keys are live, and
 * live keys are never evicted. The last eighth of them is for policies with fewer keys than the average. The names of
 * policies stay in memory, so there should be few.
 *
 * <p><em>Overflow.</em> A new key beyond the bound shares one of 4096 counters per policy with other such keys.
 * Together they are granted at most the limit of one key, and their refunds are lost. As soon as there is room, the
 * key gets a full counter of its own, so it may be granted its limit once more. The keys of a flood are live until
 * their permits have come back, so a flood affects new keys of its policy for up to the period of the limit. If {@link
 * #sharedDecisions()} is not 0, raise the bound or use a store.
 */
public final class MemoryBackend implements RateLimitBackend {

    private static final int HEAP_BYTES_PER_KEY = 4096;
    private static final int MIN_DEFAULT_KEYS = 10_000;

    private final Keyspace keys;
    private final MemoryConcurrencyBackend concurrency;
    private final MicroClock clock;
    private final ConcurrentMap<String, String> records;

    /** Creates a backend with the system clock and {@link #defaultMaxKeys()}. */
    public MemoryBackend() {
        this(MicroClock.system(), defaultMaxKeys());
    }

    /**
     * Creates a backend.
     *
     * @param clock   the time of decisions
     * @param maxKeys the bound on live keys, 1 or more
     * @throws IllegalArgumentException if the bound is less than 1
     */
    public MemoryBackend(MicroClock clock, int maxKeys) {
        this(
                new Keyspace(clock, maxKeys),
                new MemoryConcurrencyBackend(clock, maxKeys),
                clock,
                new ConcurrentHashMap<>());
    }

    private MemoryBackend(
            Keyspace keys,
            MemoryConcurrencyBackend concurrency,
            MicroClock clock,
            ConcurrentMap<String, String> records) {
        this.keys = keys;
        this.concurrency = concurrency;
        this.clock = clock;
        this.records = records;
    }

    /**
     * Returns the default bound on live keys: one key per 4 KB of the maximum heap size, at least 10 000. Token
     * buckets of that number use about a twentieth of the heap.
     *
     * @return a number of keys
     */
    public static int defaultMaxKeys() {
        long keys = Runtime.getRuntime().maxMemory() / HEAP_BYTES_PER_KEY;
        return (int) Math.max(MIN_DEFAULT_KEYS, Math.min(Integer.MAX_VALUE, keys));
    }

    /**
     * Returns a backend on the same keys with another clock, for tests of callers whose clocks differ.
     *
     * @param other the time of the decisions of the returned backend
     * @return a backend that shares all state with this one
     */
    public MemoryBackend withClock(MicroClock other) {
        return new MemoryBackend(keys, concurrency.withClock(other), other, records);
    }

    @Override
    public CompletableFuture<Decision> acquire(Policy policy, String key, long permits) {
        return CompletableFuture.completedFuture(acquireBlocking(policy, key, permits));
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        Cell cell = keys.find(policy.stateName(), key);
        long meter = cell == null ? 0 : cell.meter();
        long now = clock.micros();
        keys.evictIfDue(now);
        if (cell == null) {
            LimitState state = LimitState.carryOver(policy.rateLimits(), keys.stateOf(policy.stateName(), key), now);
            if (permits == 0 || !state.admits(permits)) {
                return Decision.peek(state, permits, now);
            }
            cell = keys.require(policy.stateName(), key, bucketOf(policy), now);
            meter = cell.meter();
            now = clock.micros();
        }
        return acquire(policy, key, permits, cell, meter, now);
    }

    /**
     * Decides on the cell of a key.
     *
     * @param seenMeter the meter of the cell
     * @param time      the time, read after the meter
     */
    private Decision acquire(Policy policy, String key, long permits, Cell cell, long seenMeter, long time) {
        long meter = seenMeter;
        long now = time;
        TokenBucket bucket = bucketOf(policy);
        while (bucket != null && Cell.isRunning(meter)) {
            Decision decision = cell.take(bucket, permits, meter, now);
            if (decision != null) {
                return decision;
            }
            meter = cell.meter();
            now = clock.micros();
        }
        return decide(policy, key, permits, cell, now);
    }

    /** Decides on a general cell. */
    private Decision decide(Policy policy, String key, long permits, Cell cell, long now) {
        while (true) {
            cell.freeze();
            LimitState stored = cell.state();
            LimitState state = LimitState.carryOver(policy.rateLimits(), stored, now);
            if (permits == 0 || !state.admits(permits)) {
                return Decision.peek(state, permits, now);
            }
            LimitState charged = state.charge(permits);
            if (cell.replace(stored, charged)) {
                return Decision.allowed(charged, now);
            }
            if (cell.isRetired()) {
                keys.discard(policy.stateName(), key, cell);
                return acquireBlocking(policy, key, permits);
            }
        }
    }

    /**
     * Returns the state of a key.
     *
     * @param policy the limits and the name of their state
     * @param key    identifies the caller that is limited
     * @return the present state under these limits
     */
    public LimitState state(Policy policy, String key) {
        return LimitState.carryOver(policy.rateLimits(), keys.stateOf(policy.stateName(), key), clock.micros());
    }

    /**
     * Charges permits that were granted elsewhere, as many as fit, so that this backend continues from there if it has
     * to decide. Charges nothing if the bound is reached and the key has no counter of its own, because the permits
     * would count against other keys.
     *
     * @param policy  the limits and the name of their state
     * @param key     identifies the caller that is limited
     * @param permits the permits, 1 or more
     */
    public void charge(Policy policy, String key, long permits) {
        Cell cell = keys.find(policy.stateName(), key);
        if (cell == null) {
            cell = keys.requireOwn(policy.stateName(), key, bucketOf(policy), clock.micros());
        }
        if (cell == null) {
            return;
        }
        TokenBucket bucket = bucketOf(policy);
        long meter = cell.meter();
        long now = clock.micros();
        keys.evictIfDue(now);
        while (bucket != null && Cell.isRunning(meter)) {
            if (cell.chargeFitting(bucket, permits, meter, now)) {
                return;
            }
            meter = cell.meter();
            now = clock.micros();
        }
        Decision decision = decide(policy, key, permits, cell, now);
        if (!decision.allowed() && decision.remaining() > 0) {
            acquireBlocking(policy, key, Math.min(permits, decision.remaining()));
        }
    }

    private static @Nullable TokenBucket bucketOf(Policy policy) {
        return policy.rateLimits().size() == 1 && policy.rateLimits().get(0) instanceof TokenBucket bucket
                ? bucket
                : null;
    }

    @Override
    public CompletableFuture<List<Decision>> acquireAll(List<PermitRequest> requests) {
        long now = clock.micros();
        keys.evictIfDue(now);
        return CompletableFuture.completedFuture(new AtomicMultiAcquire(keys, requests, now).acquire());
    }

    @Override
    public CompletableFuture<Decision> peek(Policy policy, String key, long permits) {
        long now = clock.micros();
        LimitState state = LimitState.carryOver(policy.rateLimits(), keys.stateOf(policy.stateName(), key), now);
        return CompletableFuture.completedFuture(Decision.peek(state, permits, now));
    }

    @Override
    public CompletableFuture<List<Limit.Usage>> usage(Policy policy, String key) {
        long now = clock.micros();
        return CompletableFuture.completedFuture(
                LimitState.carryOver(policy.rateLimits(), keys.stateOf(policy.stateName(), key), now)
                        .usage(now));
    }

    @Override
    public CompletableFuture<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        long now = clock.micros();
        Cell cell = keys.find(policy.stateName(), key);
        if (cell != null) {
            cell.freeze();
            LimitState stored = cell.state();
            while (stored != null
                    && !cell.replace(
                            stored,
                            LimitState.carryOver(policy.rateLimits(), stored, now)
                                    .refund(permits, chargedAtMicros))) {
                stored = cell.state();
            }
        }
        return CompletableFuture.completedFuture(null);
    }

    /**
     * A key without a counter of its own cannot remember reservations, because the bound is reached: the estimate is
     * charged to its shared counter, and cannot be settled.
     */
    @Override
    public CompletableFuture<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        long now = clock.micros();
        Decision decision = change(
                policy,
                key,
                now,
                state -> Reservation.reserve(state, id, permits, ttlMicros, policy.reservations(), now));
        return CompletableFuture.completedFuture(decision == null ? acquireBlocking(policy, key, permits) : decision);
    }

    @Override
    public CompletableFuture<Settlement> settle(Policy policy, String key, Reservation.Receipt receipt, long actual) {
        long now = clock.micros();
        Settlement settled = change(
                policy, key, now, state -> Reservation.settle(state, receipt, actual, policy.reservations(), now));
        LimitState shared = state(policy, key);
        return CompletableFuture.completedFuture(
                settled == null ? Settlement.of(Reservation.Outcome.UNKNOWN, shared, now) : settled);
    }

    /**
     * Changes the state of a key in one atomic step; returns {@code null} if the bound is reached and the key has no
     * counter of its own.
     */
    private <T> @Nullable T change(
            Policy policy, String key, long now, Function<LimitState, Reservation.Step<T>> change) {
        Cell cell = keys.requireOwn(policy.stateName(), key, null, now);
        while (cell != null) {
            cell.freeze();
            LimitState stored = cell.state();
            Reservation.Step<T> step = change.apply(LimitState.carryOver(policy.rateLimits(), stored, now));
            LimitState next = step.next();
            if (next == null || cell.replace(stored, next)) {
                return step.answer();
            }
            if (cell.isRetired()) {
                keys.discard(policy.stateName(), key, cell);
                cell = keys.requireOwn(policy.stateName(), key, null, now);
            }
        }
        return null;
    }

    /**
     * Fails if the bound is reached and the key has no counter of its own, because a shared counter cannot be blocked.
     */
    @Override
    public CompletableFuture<Void> block(Policy policy, String key, long micros) {
        long now = clock.micros();
        Boolean blocked =
                change(policy, key, now, state -> new Reservation.Step<>(true, state.blockedUntil(now + micros)));
        if (blocked != null) {
            return CompletableFuture.completedFuture(null);
        }
        return CompletableFuture.failedFuture(new IllegalStateException("The key is not blocked: " + keys.live()
                + " keys are live, which is the bound. Raise the bound or use a store."));
    }

    @Override
    public CompletableFuture<Void> reset(Policy policy, String key) {
        keys.remove(policy.stateName(), key);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public ConcurrencyBackend concurrency() {
        return concurrency;
    }

    /** Returns a text in this process: other instances do not see it, and it ends with the process. */
    @Override
    public SharedRecord sharedRecord(String name) {
        SharedRecord.requireName(name);
        return new SharedRecord() {

            @Override
            public CompletionStage<String> read() {
                return CompletableFuture.completedStage(records.getOrDefault(name, ""));
            }

            @Override
            public CompletionStage<Boolean> replace(String expected, String replacement) {
                return Futures.call(() -> {
                    SharedRecord.requireFitting(replacement);
                    return CompletableFuture.completedStage(MapRecord.replace(records, name, expected, replacement));
                });
            }
        };
    }

    /**
     * Removes all keys and shared records, for tests: all permits and slots are free, and no key is blocked. A
     * request that runs at the same time may be charged before or after it.
     */
    public void clear() {
        keys.clear();
        concurrency.clear();
        records.clear();
    }

    /**
     * Returns the keys in memory, including blank keys that are not evicted yet.
     *
     * @return 0 to twice the bound, once for permits and once for slots
     */
    public long liveKeys() {
        return keys.live() + concurrency.keys();
    }

    /**
     * Returns the number of decisions on shared counters, because the bound on live keys was reached.
     *
     * @return a count since the start
     */
    public long sharedDecisions() {
        return keys.sharedDecisions();
    }

    @Override
    public boolean isLocal() {
        return true;
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        stats.memory(new LimiterStats.Memory(liveKeys(), sharedDecisions()));
    }
}
