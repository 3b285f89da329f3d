package io.github.micronautratelimit.memory;

import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.TokenBucket;

/**
 * The cells of all keys by policy, at most so many; see {@link MemoryBackend} for what happens at the bound.
 *
 * <p>Invariant: {@code live} is the number of cells in the maps, counted before one is put in and after one is taken
 * out, so there are never more than {@code maxKeys}.
 */
final class Keyspace {

    private static final int LONGEST_PLAIN_KEY = 64;
    private static final int SHARED_BITS = 12;
    private static final long TIDY_EVERY_MICROS = 10_000;
    private static final int TIDY_KEYS = 100;
    private static final int TIDY_KEYS_PER_NEW_KEY = 4;

    private final MicroClock clock;
    private final int maxKeys;
    private final Map<String, Cells> policies = new ConcurrentHashMap<>();
    private final AtomicLong live = new AtomicLong();
    private final LongAdder sharedDecisions = new LongAdder();

    private final AtomicBoolean tidying = new AtomicBoolean();
    private volatile long tidyAt;
    /** Where tidying goes on: this and the next two are touched only by the one who holds {@link #tidying}. */
    private Iterator<Cells> nextPolicies = policies.values().iterator();
    private @Nullable Cells tidied;
    private Iterator<Map.Entry<Object, Cell>> nextCells = Map.<Object, Cell>of().entrySet().iterator();

    Keyspace(MicroClock clock, int maxKeys) {
        if (maxKeys < 1) {
            throw new IllegalArgumentException("At least 1 key must be kept, not " + maxKeys + ".");
        }
        this.clock = clock;
        this.maxKeys = maxKeys;
        this.tidyAt = clock.micros() + TIDY_EVERY_MICROS;
    }

    /** The key's own cell, if it has one. */
    @Nullable Cell find(String policy, String key) {
        Cells cells = policies.get(policy);
        return cells == null ? null : cells.find(key);
    }

    /**
     * The key's own cell, new if there is room for it, else the cell it shares.
     *
     * @param bucket what a new cell shall meter, or {@code null} for a general cell
     */
    Cell require(String policy, String key, @Nullable TokenBucket bucket, long now) {
        Cell own = requireOwn(policy, key, bucket, now);
        if (own != null) {
            return own;
        }
        sharedDecisions.increment();
        return cellsOf(policy).share(bounded(key));
    }

    private Cells cellsOf(String policy) {
        return policies.computeIfAbsent(policy, name -> new Cells());
    }

    /** The key's own cell, new if there is none; {@code null} if there is no room for it. */
    @Nullable Cell requireOwn(String policy, String key, @Nullable TokenBucket bucket, long now) {
        Cells cells = cellsOf(policy);
        if (live.get() > maxKeys / 2) {
            forgetBlank(TIDY_KEYS_PER_NEW_KEY);
        }
        Object bounded = bounded(key);
        if (live.incrementAndGet() > maxKeys) {
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

    /** What is remembered of the key, in its own cell or else, while there is no room for one, in the one it shares. */
    @Nullable LimitState stateOf(String policy, String key) {
        Cells cells = policies.get(policy);
        if (cells == null) {
            return null;
        }
        Cell found = cells.find(key);
        if (found == null && live.get() >= maxKeys) {
            found = cells.shared(bounded(key));
        }
        return found == null ? null : found.state();
    }

    /** Takes a retired cell out of the map. */
    void discard(String policy, String key, Cell retired) {
        Cells cells = policies.get(policy);
        if (cells != null) {
            discard(cells, bounded(key), retired);
        }
    }

    private void discard(Cells cells, Object bounded, Cell retired) {
        if (cells.own.remove(bounded, retired)) {
            live.decrementAndGet();
        }
    }

    /** Forgets a key. A cell it shares is emptied too: its other users gain what this one does. */
    void forget(String policy, String key) {
        Cells cells = policies.get(policy);
        if (cells == null) {
            return;
        }
        Object bounded = bounded(key);
        cells.emptyShared(bounded);
        Cell own = cells.own.get(bounded);
        if (own != null) {
            own.retire();
            discard(cells, bounded, own);
        }
    }

    long live() {
        return live.get();
    }

    long sharedDecisions() {
        return sharedDecisions.sum();
    }

    /** Forgets some keys that say nothing any more, if it is time to; by the clock of all, not of the caller. */
    void tidy(long now) {
        if (now >= tidyAt) {
            forgetBlank(TIDY_KEYS);
        }
    }

    private void forgetBlank(int keys) {
        if (!tidying.compareAndSet(false, true)) {
            return;
        }
        try {
            long now = clock.micros();
            tidyAt = now + TIDY_EVERY_MICROS;
            for (int i = 0; i < keys && advance(); i++) {
                Map.Entry<Object, Cell> entry = nextCells.next();
                if (tidied != null && entry.getValue().retireIfBlank(now)) {
                    discard(tidied, entry.getKey(), entry.getValue());
                }
            }
        } finally {
            tidying.set(false);
        }
    }

    /** Moves on to the next policy that has cells; after the last one, rests until the next call. */
    private boolean advance() {
        while (!nextCells.hasNext()) {
            if (!nextPolicies.hasNext()) {
                nextPolicies = policies.values().iterator();
                return false;
            }
            tidied = nextPolicies.next();
            nextCells = tidied.own.entrySet().iterator();
        }
        return true;
    }

    /** The key as it is kept: a long one by its hash, which no text is mistaken for. */
    private static Object bounded(String key) {
        return key.length() <= LONGEST_PLAIN_KEY ? key : new Hashed(KeyHash.of(key));
    }

    private record Hashed(String hash) {
    }

    /** The cells of one policy. */
    private static final class Cells {

        private final ConcurrentHashMap<Object, Cell> own = new ConcurrentHashMap<>();
        private volatile @Nullable AtomicReferenceArray<Cell> shared;

        /** Tries the key as it is first: to look at its length would cost a look at more memory. */
        @Nullable Cell find(String key) {
            Cell cell = own.get(key);
            return cell != null || key.length() <= LONGEST_PLAIN_KEY ? cell : own.get(bounded(key));
        }

        Cell share(Object bounded) {
            AtomicReferenceArray<Cell> cells = shared == null ? makeShared() : shared;
            int index = indexOf(bounded);
            Cell cell = cells.get(index);
            if (cell == null) {
                Cell fresh = new Cell();
                return cells.compareAndSet(index, null, fresh) ? fresh : cells.get(index);
            }
            return cell;
        }

        private synchronized AtomicReferenceArray<Cell> makeShared() {
            if (shared == null) {
                shared = new AtomicReferenceArray<>(1 << SHARED_BITS);
            }
            return shared;
        }

        /** The cell that the key shares or would share, if anybody has. */
        @Nullable Cell shared(Object bounded) {
            AtomicReferenceArray<Cell> cells = shared;
            return cells == null ? null : cells.get(indexOf(bounded));
        }

        void emptyShared(Object bounded) {
            Cell cell = shared(bounded);
            LimitState state = cell == null ? null : cell.state();
            while (cell != null && state != null && !cell.replace(state, state.refund(Long.MAX_VALUE))) {
                state = cell.state();
            }
        }

        private static int indexOf(Object bounded) {
            // The golden ratio spreads the hashes of similar texts; the upper bits are the well mixed ones.
            return bounded.hashCode() * 0x9E3779B9 >>> Integer.SIZE - SHARED_BITS;
        }
    }
}
