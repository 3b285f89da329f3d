package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The cells of all keys by policy.
 *
 * <p><em>Bound.</em> {@code live} counts the cells in the maps. It is incremented before a cell is added and
 * decremented after a cell is removed, so there are never more than {@code maxKeys}. Keys beyond the bound share
 * cells; see {@link MemoryBackend}.
 *
 * <p><em>Policies.</em> The last eighth of the bound is for policies with fewer keys than an equal part of it, if there
 * are several policies. So a flood of keys under one policy leaves room for the keys of the others.
 *
 * <p><em>Eviction.</em> Callers evict blank keys in passing: up to {@value #EVICT_KEYS} keys every
 * {@value #EVICT_EVERY_MICROS} µs, and {@value #EVICT_KEYS_PER_NEW_KEY} keys per new key while more than half of the
 * bound is live. One thread evicts at a time. It continues where the previous one stopped, so all keys are visited in
 * turn.
 */
final class Keyspace {

    private static final int SHARED_BITS = 12;
    private static final long EVICT_EVERY_MICROS = 10_000;
    private static final int EVICT_KEYS = 100;
    private static final int EVICT_KEYS_PER_NEW_KEY = 4;
    private static final int RESERVED = 8;
    /** A power of two. */
    private static final int RECENT = 16;

    private final MicroClock clock;
    private final int maxKeys;
    private final Map<String, Cells> policies = new ConcurrentHashMap<>();
    /** The policies used last, by hash, because looking one up in the map takes as long as deciding. */
    private final @Nullable Cells[] recent = new Cells[RECENT];

    private final AtomicLong live = new AtomicLong();
    private final LongAdder sharedDecisions = new LongAdder();

    private final AtomicBoolean evicting = new AtomicBoolean();
    private volatile long evictAt;
    /** The position of the eviction: only the thread that holds {@link #evicting} uses this and the next two fields. */
    private Iterator<Cells> nextPolicies = policies.values().iterator();

    private @Nullable Cells visited;
    private Iterator<Map.Entry<Object, Cell>> nextCells =
            Map.<Object, Cell>of().entrySet().iterator();

    Keyspace(MicroClock clock, int maxKeys) {
        if (maxKeys < 1) {
            throw new IllegalArgumentException("The bound on live keys is " + maxKeys + "; write 1 or more.");
        }
        this.clock = clock;
        this.maxKeys = maxKeys;
        this.evictAt = clock.micros() + EVICT_EVERY_MICROS;
    }

    /** Returns the own cell of a key, or {@code null}. */
    @Nullable
    Cell find(String policy, String key) {
        Cells cells = recent[policy.hashCode() & RECENT - 1];
        if (cells == null || !cells.policy.equals(policy)) {
            cells = policies.get(policy);
            if (cells == null) {
                return null;
            }
            recent[policy.hashCode() & RECENT - 1] = cells;
        }
        return cells.find(key);
    }

    /**
     * Returns the own cell of a key, a new one if there is room, otherwise its shared cell.
     *
     * @param bucket the bucket of a new metered cell; {@code null} for a general cell
     */
    Cell require(String policy, String key, @Nullable TokenBucket bucket, long now) {
        Cell own = requireOwn(policy, key, bucket, now);
        if (own != null) {
            return own;
        }
        sharedDecisions.increment();
        return cellsOf(policy).share(KeyHash.bounded(key));
    }

    private Cells cellsOf(String policy) {
        return policies.computeIfAbsent(policy, Cells::new);
    }

    /** Returns the own cell of a key, a new one if it has none; {@code null} if the bound is reached. */
    @Nullable
    Cell requireOwn(String policy, String key, @Nullable TokenBucket bucket, long now) {
        Cells cells = cellsOf(policy);
        if (live.get() > maxKeys / 2) {
            evictBlank(EVICT_KEYS_PER_NEW_KEY);
        }
        Object bounded = KeyHash.bounded(key);
        if (!hasRoom(cells, live.incrementAndGet())) {
            live.decrementAndGet();
            return cells.own.get(bounded);
        }
        Cell fresh = bucket == null ? new Cell() : new Cell(bucket, now);
        Cell present = cells.own.putIfAbsent(bounded, fresh);
        if (present != null) {
            live.decrementAndGet();
            return present;
        }
        return fresh;
    }

    /** Returns whether a policy may have a new key that makes this number of keys live. */
    private boolean hasRoom(Cells cells, long liveWithIt) {
        if (liveWithIt <= maxKeys - maxKeys / RESERVED) {
            return true;
        }
        return liveWithIt <= maxKeys && cells.own.size() < maxKeys / Math.max(1, policiesWithKeys(cells));
    }

    /** Returns the number of policies with live keys, and counts one that is about to have its first key. */
    private int policiesWithKeys(Cells cells) {
        int count = 0;
        for (Cells each : policies.values()) {
            count += each == cells || !each.own.isEmpty() ? 1 : 0;
        }
        return count;
    }

    /** Returns the state of a key in its own cell or, while the bound is reached, in its shared cell. */
    @Nullable
    LimitState stateOf(String policy, String key) {
        Cells cells = policies.get(policy);
        if (cells == null) {
            return null;
        }
        Cell found = cells.find(key);
        if (found == null && !hasRoom(cells, live.get() + 1)) {
            found = cells.shared(KeyHash.bounded(key));
        }
        return found == null ? null : found.state();
    }

    /** Removes a retired cell from the map. */
    void discard(String policy, String key, Cell retired) {
        Cells cells = policies.get(policy);
        if (cells != null) {
            discard(cells, KeyHash.bounded(key), retired);
        }
    }

    private void discard(Cells cells, Object bounded, Cell retired) {
        if (cells.own.remove(bounded, retired)) {
            live.decrementAndGet();
        }
    }

    /** Removes a key. Its shared cell becomes full for all keys that share it. */
    void remove(String policy, String key) {
        Cells cells = policies.get(policy);
        if (cells == null) {
            return;
        }
        Object bounded = KeyHash.bounded(key);
        cells.resetShared(bounded);
        Cell own = cells.own.get(bounded);
        if (own != null) {
            own.retire();
            discard(cells, bounded, own);
        }
    }

    /** Removes all keys. */
    void clear() {
        for (Cells cells : policies.values()) {
            cells.own.forEach((bounded, cell) -> {
                cell.retire();
                discard(cells, bounded, cell);
            });
            cells.shared = null;
        }
    }

    long live() {
        return live.get();
    }

    long sharedDecisions() {
        return sharedDecisions.sum();
    }

    /** Evicts some blank keys if it is time. Reads the shared clock, because the clock of the caller may differ. */
    void evictIfDue(long now) {
        if (now >= evictAt) {
            evictBlank(EVICT_KEYS);
        }
    }

    private void evictBlank(int keys) {
        if (!evicting.compareAndSet(false, true)) {
            return;
        }
        try {
            long now = clock.micros();
            evictAt = now + EVICT_EVERY_MICROS;
            for (int i = 0; i < keys && advance(); i++) {
                Map.Entry<Object, Cell> entry = nextCells.next();
                if (visited != null && entry.getValue().retireIfBlank(now)) {
                    discard(visited, entry.getKey(), entry.getValue());
                }
            }
        } finally {
            evicting.set(false);
        }
    }

    /** Moves to the next policy with cells. Returns {@code false} after the last one; the next call starts over. */
    private boolean advance() {
        while (!nextCells.hasNext()) {
            if (!nextPolicies.hasNext()) {
                nextPolicies = policies.values().iterator();
                return false;
            }
            visited = nextPolicies.next();
            nextCells = visited.own.entrySet().iterator();
        }
        return true;
    }

    /** The cells of one policy, which stay in the map for ever. Only final fields are read without synchronization. */
    private static final class Cells {

        private final String policy;
        private final ConcurrentHashMap<Object, Cell> own = new ConcurrentHashMap<>();
        private volatile @Nullable AtomicReferenceArray<Cell> shared;

        Cells(String policy) {
            this.policy = policy;
        }

        /** Tries the key as it is first, because reading its length would touch more memory. */
        @Nullable
        Cell find(String key) {
            Cell cell = own.get(key);
            return cell != null || key.length() <= KeyHash.LONGEST_PLAIN_KEY ? cell : own.get(KeyHash.bounded(key));
        }

        Cell share(Object bounded) {
            AtomicReferenceArray<Cell> cells = shared == null ? createShared() : shared;
            int index = indexOf(bounded);
            Cell cell = cells.get(index);
            if (cell == null) {
                Cell fresh = new Cell();
                return cells.compareAndSet(index, null, fresh) ? fresh : cells.get(index);
            }
            return cell;
        }

        private synchronized AtomicReferenceArray<Cell> createShared() {
            if (shared == null) {
                shared = new AtomicReferenceArray<>(1 << SHARED_BITS);
            }
            return shared;
        }

        /** Returns the shared cell of a key if any key has used it. */
        @Nullable
        Cell shared(Object bounded) {
            AtomicReferenceArray<Cell> cells = shared;
            return cells == null ? null : cells.get(indexOf(bounded));
        }

        void resetShared(Object bounded) {
            Cell cell = shared(bounded);
            LimitState state = cell == null ? null : cell.state();
            while (cell != null
                    && state != null
                    && !cell.replace(state, state.refund(Long.MAX_VALUE, LimitState.LATEST))) {
                state = cell.state();
            }
        }

        private static int indexOf(Object bounded) {
            // The golden ratio spreads the hashes of similar texts. The upper bits are mixed best.
            return bounded.hashCode() * 0x9E3779B9 >>> Integer.SIZE - SHARED_BITS;
        }
    }
}
