package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;

/** The holders of the slots of one concurrency limit, on all instances. */
final class SlotHolders {

    private static final long RENEWAL = Duration.ofMillis(900).toNanos();
    private static final int MOST_SLOTS = 4;
    private static final int LONGEST_HOLD_MILLIS = 2_000;

    private final Simulation simulation;
    private final Policy policy;
    private final String key;
    private final long limit;
    private final Map<UUID, Instance> held = new LinkedHashMap<>();
    /** Holders of ended instances, whose slots become free when their leases expire. */
    private final Set<UUID> ended = new HashSet<>();

    private long holders;
    /** The store has forgotten earlier holders. */
    private long firstKnown;

    private boolean writesLost;

    SlotHolders(Simulation simulation, Random random) {
        this.simulation = simulation;
        this.limit = 1 + random.nextInt(MOST_SLOTS);
        // The lease is longer than the run, so a slot that is not released stays held until the end.
        this.policy = Policy.of("SLOTS", limit + " concurrent lease 60s")
                .withOnError(random.nextInt(3) == 0 ? OnError.LOCAL : OnError.CLOSED);
        this.key = "slots-" + simulation.scenario().seed();
    }

    /** Returns the part of the store that keeps the slots. */
    int part() {
        return simulation.store().part(key);
    }

    /** Takes a slot if one is free, and holds it for a time. */
    void take(Instance instance, long seed) {
        UUID holder = new UUID(simulation.scenario().seed(), holders++);
        long nanos =
                Duration.ofMillis(50 + Math.floorMod(seed, LONGEST_HOLD_MILLIS)).toNanos();
        ConcurrencyBackend slots = instance.guard().concurrency();
        instance.slots().put(holder, true);
        slots.acquire(policy, key, holder).whenComplete((decision, failure) -> {
            if (instance.isDead() || failure != null) {
                return;
            }
            if (decision.allowed()) {
                held.put(holder, instance);
                checkLimit();
                renewUntil(instance, holder, simulation.scheduler().nanoTime() + nanos);
            } else if (decision.source() == Source.STORE) {
                instance.slots().remove(holder);
            }
        });
    }

    private void checkLimit() {
        int instances = simulation.scenario().instances();
        long most = policy.onError() == OnError.CLOSED ? limit : limit + instances * Math.max(1, limit / instances);
        long known = held.keySet().stream()
                .filter(holder -> holder.getLeastSignificantBits() >= firstKnown)
                .count();
        simulation
                .ledger()
                .check(
                        "slots stay within their limit",
                        known <= most,
                        () -> known + " of " + most + " held, " + policy);
    }

    private void renewUntil(Instance instance, UUID holder, long end) {
        long left = end - simulation.scheduler().nanoTime();
        simulation.scheduler().after(Math.min(left, RENEWAL), () -> {
            if (held.get(holder) != instance) {
                return;
            }
            if (left <= RENEWAL) {
                held.remove(holder);
                instance.guard().concurrency().release(policy, key, holder).whenComplete((done, failure) -> {
                    if (failure == null && !instance.isDead()) {
                        instance.slots().remove(holder);
                    }
                });
                return;
            }
            instance.guard().concurrency().renew(policy, key, holder).whenComplete((renewed, failure) -> {
                if (failure == null && !renewed && !instance.isDead()) {
                    held.remove(holder);
                    instance.slots().remove(holder);
                }
            });
            renewUntil(instance, holder, end);
        });
    }

    /**
     * The store has lost data: holders learn of it with their next renewals.
     *
     * @param latestOnly whether it has lost its latest writes only, perhaps releases
     */
    void forget(boolean latestOnly) {
        firstKnown = holders;
        writesLost |= latestOnly;
    }

    void ended(Instance instance) {
        held.values().removeIf(other -> other == instance);
        ended.addAll(instance.slots().keySet());
    }

    /** Checks that all slots are free, except those of ended instances. */
    void checkFree() {
        long taken = limit - simulation.store().freeSlots(policy, key);
        simulation
                .ledger()
                .check(
                        "all released slots are free",
                        held.isEmpty() && (writesLost || taken <= ended.size()),
                        () -> taken + " slots are taken, " + ended.size() + " of ended instances");
    }
}
