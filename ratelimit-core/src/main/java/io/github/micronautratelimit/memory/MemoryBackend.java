package io.github.micronautratelimit.memory;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.TokenBucket;

/**
 * Keeps every key's state in this process.
 *
 * <p>A decision is one compare-and-set on the key's cell, whatever the number of limits; several policies at once are
 * one atomic step over their cells. No locks, no threads, no timers; stages are always complete when returned. Policies
 * are taken to be few: their names are remembered.
 *
 * <p>Keys that say nothing any more are forgotten in passing, a few with each decision that finds it is time. At most
 * {@code maxKeys} keys are live at once. A live key is never pushed out by others, however many there are. A new key
 * that comes while the bound is reached shares one of 4096 counters per policy with others that came so: all of them
 * together are granted no more than one key, and what is refunded to them is lost. As soon as there is room, such a key
 * gets a counter of its own and starts afresh, so that a flood of keys denies nobody for longer than it lasts; it may
 * thus be granted its limit once more. {@link #sharedDecisions()} counts how often a counter was shared: if it is not 0,
 * raise the bound or use a store.
 */
public final class MemoryBackend implements RateLimitBackend {

    private static final int HEAP_BYTES_PER_KEY = 4096;
    private static final int LEAST_DEFAULT_KEYS = 10_000;

    private final Keyspace keys;
    private final MemoryLeases leases;
    private final MicroClock clock;

    /** A backend on the system's clock with {@link #defaultMaxKeys()}. */
    public MemoryBackend() {
        this(MicroClock.system(), defaultMaxKeys());
    }

    /**
     * A backend.
     *
     * @param clock   tells the time of each decision
     * @param maxKeys the most keys live at once, at least 1
     */
    public MemoryBackend(MicroClock clock, int maxKeys) {
        this(new Keyspace(clock, maxKeys), new MemoryLeases(clock, maxKeys), clock);
    }

    private MemoryBackend(Keyspace keys, MemoryLeases leases, MicroClock clock) {
        this.keys = keys;
        this.leases = leases;
        this.clock = clock;
    }

    /**
     * The bound on live keys when none is given: one for every 4 KB of the heap's greatest size, at least 10 000. So many
     * token buckets take about a twentieth of the heap.
     *
     * @return a number of keys
     */
    public static int defaultMaxKeys() {
        long keys = Runtime.getRuntime().maxMemory() / HEAP_BYTES_PER_KEY;
        return (int) Math.max(LEAST_DEFAULT_KEYS, Math.min(Integer.MAX_VALUE, keys));
    }

    /**
     * The same keys, seen by a caller with another clock. For tests of callers whose clocks disagree.
     *
     * @param other tells the time of this caller's decisions
     * @return a backend that shares all state with this one
     */
    public MemoryBackend withClock(MicroClock other) {
        return new MemoryBackend(keys, leases.withClock(other), other);
    }

    @Override
    public CompletableFuture<Decision> acquire(Policy policy, String key, long permits) {
        return CompletableFuture.completedFuture(acquireBlocking(policy, key, permits));
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        Cell cell = keys.find(policy.name(), key);
        long meter = cell == null ? 0 : cell.meter();
        long now = clock.micros();
        keys.tidy(now);
        if (cell == null) {
            LimitState state = policy.stateAt(keys.stateOf(policy.name(), key), now);
            if (permits == 0 || !state.admits(permits)) {
                return verdict(state, permits, now);
            }
            cell = keys.require(policy.name(), key, bucketOf(policy), now);
            meter = cell.meter();
            now = clock.micros();
        }
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

    /** The general way. */
    private Decision decide(Policy policy, String key, long permits, Cell cell, long now) {
        while (true) {
            cell.freeze();
            LimitState stored = cell.state();
            LimitState state = policy.stateAt(stored, now);
            if (permits == 0 || !state.admits(permits)) {
                return verdict(state, permits, now);
            }
            LimitState charged = state.charge(permits);
            if (cell.replace(stored, charged)) {
                return charged.grant(now);
            }
            if (cell.isRetired()) {
                keys.discard(policy.name(), key, cell);
                return acquireBlocking(policy, key, permits);
            }
        }
    }

    private static @Nullable TokenBucket bucketOf(Policy policy) {
        return policy.limits().size() == 1 && policy.limits().get(0) instanceof TokenBucket bucket ? bucket : null;
    }

    private static Decision verdict(LimitState state, long permits, long now) {
        return state.admits(permits) ? state.grant(now) : state.denial(permits, now);
    }

    @Override
    public CompletableFuture<List<Decision>> acquireAll(List<Ask> asks) {
        long now = clock.micros();
        keys.tidy(now);
        return CompletableFuture.completedFuture(new AllOrNothing(keys, asks, now).acquire());
    }

    @Override
    public CompletableFuture<Decision> peek(Policy policy, String key, long permits) {
        long now = clock.micros();
        LimitState state = policy.stateAt(keys.stateOf(policy.name(), key), now);
        return CompletableFuture.completedFuture(verdict(state, permits, now));
    }

    @Override
    public CompletableFuture<Void> refund(Policy policy, String key, long permits) {
        long now = clock.micros();
        Cell cell = keys.find(policy.name(), key);
        if (cell != null) {
            cell.freeze();
            LimitState stored = cell.state();
            while (stored != null && !cell.replace(stored, policy.stateAt(stored, now).refund(permits))) {
                stored = cell.state();
            }
        }
        return CompletableFuture.completedFuture(null);
    }

    /** Fails if the key shares a counter, for want of room: others are not blocked with it. */
    @Override
    public CompletableFuture<Void> block(Policy policy, String key, long micros) {
        long now = clock.micros();
        Cell cell = keys.requireOwn(policy.name(), key, null, now);
        while (cell != null) {
            cell.freeze();
            LimitState stored = cell.state();
            if (cell.replace(stored, policy.stateAt(stored, now).blockedUntil(now + micros))) {
                return CompletableFuture.completedFuture(null);
            }
            if (cell.isRetired()) {
                keys.discard(policy.name(), key, cell);
                cell = keys.requireOwn(policy.name(), key, null, now);
            }
        }
        return CompletableFuture.failedFuture(new IllegalStateException("the key is not blocked, for " + keys.live()
                + " keys are live and there is no room for one more; keep more keys, or use a store."));
    }

    @Override
    public CompletableFuture<Void> reset(Policy policy, String key) {
        keys.forget(policy.name(), key);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public LeaseBackend leases() {
        return leases;
    }

    /**
     * The keys that take up room now, among them some that say nothing any more and were not yet met in passing.
     *
     * @return 0 to twice the bound, once for permits and once for places
     */
    public long liveKeys() {
        return keys.live() + leases.keys();
    }

    /**
     * How often a key had to share a counter because the bound on live keys was reached.
     *
     * @return a count since the start
     */
    public long sharedDecisions() {
        return keys.sharedDecisions();
    }
}
