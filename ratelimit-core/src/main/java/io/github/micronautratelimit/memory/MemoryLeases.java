package io.github.micronautratelimit.memory;

import java.util.Iterator;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.ConcurrencyLimit;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Places;
import io.github.micronautratelimit.Policy;

/**
 * Places in this process. A step holds the key's entry for as long as it takes, which is short. A key is forgotten with its
 * last holder; what nobody releases is met in passing.
 *
 * <p>At most {@code maxKeys} keys are kept; further ones share the places of 4096, like permits do.
 */
final class MemoryLeases implements LeaseBackend {

    private static final int LONGEST_PLAIN_KEY = 64;
    private static final int SHARED = 4096;
    private static final int TIDY_KEYS = 4;

    private record Name(String policy, Object key) {
    }

    private record Hashed(String hash) {
    }

    private final Map<Name, Places> held;
    private final MicroClock clock;
    private final int maxKeys;
    private final AtomicBoolean tidying = new AtomicBoolean();
    private Iterator<Map.Entry<Name, Places>> next;

    MemoryLeases(MicroClock clock, int maxKeys) {
        this(new ConcurrentHashMap<>(), clock, maxKeys);
    }

    private MemoryLeases(Map<Name, Places> held, MicroClock clock, int maxKeys) {
        this.held = held;
        this.clock = clock;
        this.maxKeys = maxKeys;
        this.next = held.entrySet().iterator();
    }

    MemoryLeases withClock(MicroClock other) {
        return new MemoryLeases(held, other, maxKeys);
    }

    @Override
    public CompletableFuture<Decision> acquire(Policy policy, String key, UUID holder) {
        tidy();
        Name own = name(policy, key);
        boolean room = held.size() < maxKeys || held.containsKey(own);
        return CompletableFuture.completedFuture(at(room ? own : shared(own),
                places -> places.acquire(limitOf(policy), holder, clock.micros())));
    }

    @Override
    public CompletableFuture<Boolean> renew(Policy policy, String key, UUID holder) {
        Name own = name(policy, key);
        return CompletableFuture.completedFuture(
                renewed(own, policy, holder) || held.containsKey(shared(own)) && renewed(shared(own), policy, holder));
    }

    private boolean renewed(Name name, Policy policy, UUID holder) {
        return held.containsKey(name)
                && at(name, places -> places.renew(limitOf(policy), holder, clock.micros()));
    }

    @Override
    public CompletableFuture<Void> release(Policy policy, String key, UUID holder) {
        Name own = name(policy, key);
        for (Name name : new Name[] {own, shared(own)}) {
            if (held.containsKey(name)) {
                at(name, places -> {
                    places.release(holder);
                    return true;
                });
            }
        }
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Decision> peek(Policy policy, String key) {
        return CompletableFuture.completedFuture(
                at(name(policy, key), places -> places.peek(limitOf(policy), clock.micros())));
    }

    @Override
    public CompletableFuture<Void> reset(Policy policy, String key) {
        held.remove(name(policy, key));
        return CompletableFuture.completedFuture(null);
    }

    /** The keys of which places are held, or were and nobody has looked since. */
    int keys() {
        return held.size();
    }

    /** One step on a key, which is forgotten if it says nothing afterwards. */
    private <T> T at(Name name, Function<Places, T> step) {
        AtomicReference<@Nullable T> result = new AtomicReference<>();
        held.compute(name, (same, found) -> {
            Places places = found == null ? new Places() : found;
            result.set(step.apply(places));
            return places.isBlank(clock.micros()) ? null : places;
        });
        T made = result.get();
        if (made == null) {
            throw new IllegalStateException("A step always has a result.");
        }
        return made;
    }

    /** Looks at a few keys: as many more than are new that those left behind do not add up. */
    private void tidy() {
        if (!tidying.compareAndSet(false, true)) {
            return;
        }
        try {
            for (int i = 0; i < TIDY_KEYS && next.hasNext(); i++) {
                Name met = next.next().getKey();
                held.computeIfPresent(met, (same, places) -> places.isBlank(clock.micros()) ? null : places);
            }
            if (!next.hasNext()) {
                next = held.entrySet().iterator();
            }
        } finally {
            tidying.set(false);
        }
    }

    private static ConcurrencyLimit limitOf(Policy policy) {
        ConcurrencyLimit limit = policy.concurrency();
        if (limit == null) {
            throw new IllegalArgumentException("The policy \"" + policy.name() + "\" has no concurrency limit.");
        }
        return limit;
    }

    /** A long key is kept by its hash, which no text is mistaken for. */
    private static Name name(Policy policy, String key) {
        return new Name(policy.name(), key.length() <= LONGEST_PLAIN_KEY ? key : new Hashed(KeyHash.of(key)));
    }

    private static Name shared(Name own) {
        return new Name(own.policy, (own.key.hashCode() * 0x9E3779B9 >>> 1) % SHARED);
    }
}
