package io.github.micronautratelimit.memory;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.SlotState;
import java.util.Iterator;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The slots of concurrency limits in this process. Each operation is one step under the lock of the key's map entry.
 * Keys beyond the bound share {@value #SHARED} overflow entries.
 */
final class MemoryConcurrencyBackend implements ConcurrencyBackend {

    private static final int SHARED = 4096;
    /** More than one key per new key, so that abandoned keys do not accumulate. */
    private static final int EVICT_KEYS = 4;

    private record Name(String policy, Object key) {}

    private final Map<Name, SlotState> held;
    private final MicroClock clock;
    private final int maxKeys;
    private final AtomicBoolean evicting = new AtomicBoolean();
    private Iterator<Map.Entry<Name, SlotState>> next;

    MemoryConcurrencyBackend(MicroClock clock, int maxKeys) {
        this(new ConcurrentHashMap<>(), clock, maxKeys);
    }

    private MemoryConcurrencyBackend(Map<Name, SlotState> held, MicroClock clock, int maxKeys) {
        this.held = held;
        this.clock = clock;
        this.maxKeys = maxKeys;
        this.next = held.entrySet().iterator();
    }

    MemoryConcurrencyBackend withClock(MicroClock other) {
        return new MemoryConcurrencyBackend(held, other, maxKeys);
    }

    @Override
    public CompletableFuture<Decision> acquire(Policy policy, String key, UUID holder) {
        evictBlank();
        ConcurrencyLimit limit = policy.requireConcurrency();
        Name own = name(policy, key);
        boolean room = held.size() < maxKeys || held.containsKey(own);
        return CompletableFuture.completedFuture(update(room ? own : shared(own), state -> {
            long now = clock.micros();
            return Decision.ofSlot(state, limit, state.acquire(limit, holder, now), now);
        }));
    }

    @Override
    public CompletableFuture<Boolean> renew(Policy policy, String key, UUID holder) {
        Name own = name(policy, key);
        return CompletableFuture.completedFuture(
                renewed(own, policy, holder) || held.containsKey(shared(own)) && renewed(shared(own), policy, holder));
    }

    private boolean renewed(Name name, Policy policy, UUID holder) {
        return held.containsKey(name)
                && update(name, state -> state.renew(policy.requireConcurrency(), holder, clock.micros()));
    }

    @Override
    public CompletableFuture<Void> release(Policy policy, String key, UUID holder) {
        Name own = name(policy, key);
        for (Name name : new Name[] {own, shared(own)}) {
            if (held.containsKey(name)) {
                update(name, state -> {
                    state.release(holder);
                    return true;
                });
            }
        }
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Decision> peek(Policy policy, String key) {
        ConcurrencyLimit limit = policy.requireConcurrency();
        return CompletableFuture.completedFuture(update(name(policy, key), state -> {
            long now = clock.micros();
            return Decision.ofSlot(state, limit, !state.isFull(limit, now), now);
        }));
    }

    @Override
    public CompletableFuture<Void> reset(Policy policy, String key) {
        held.remove(name(policy, key));
        return CompletableFuture.completedFuture(null);
    }

    void clear() {
        held.clear();
    }

    /** Returns the keys in memory, including blank keys that are not evicted yet. */
    int keys() {
        return held.size();
    }

    /** Runs one atomic step on a key and removes the key if its state is blank afterwards. */
    private <T> T update(Name name, Function<SlotState, T> step) {
        AtomicReference<@Nullable T> result = new AtomicReference<>();
        held.compute(name, (same, found) -> {
            SlotState state = found == null ? new SlotState() : found;
            result.set(step.apply(state));
            return state.isBlank(clock.micros()) ? null : state;
        });
        T made = result.get();
        if (made == null) {
            throw new IllegalStateException("A step always has a result.");
        }
        return made;
    }

    private void evictBlank() {
        if (!evicting.compareAndSet(false, true)) {
            return;
        }
        try {
            for (int i = 0; i < EVICT_KEYS && next.hasNext(); i++) {
                Name met = next.next().getKey();
                held.computeIfPresent(met, (same, state) -> state.isBlank(clock.micros()) ? null : state);
            }
            if (!next.hasNext()) {
                next = held.entrySet().iterator();
            }
        } finally {
            evicting.set(false);
        }
    }

    private static Name name(Policy policy, String key) {
        return new Name(policy.stateName(), KeyHash.bounded(key));
    }

    private static Name shared(Name own) {
        return new Name(own.policy, (own.key.hashCode() * 0x9E3779B9 >>> 1) % SHARED);
    }
}
