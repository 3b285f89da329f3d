package io.github.micronautratelimit.limit;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.UUID;

/**
 * The holders of the slots of one key, each with the instant at which its lease expires. All backends decide on it
 * alike. A slot whose lease has expired is free, even before any call removes it.
 *
 * <p>Memory grows linearly with the number of holders; each operation takes logarithmic time. Callers supply the time.
 * Not thread-safe.
 */
public final class SlotState {

    private record Slot(UUID holder, long expiresAtMicros) {}

    private final Map<UUID, Slot> byHolder = new HashMap<>();
    private final TreeSet<Slot> byExpiry =
            new TreeSet<>(Comparator.comparingLong(Slot::expiresAtMicros).thenComparing(Slot::holder));

    /** Creates a state in which all slots are free. */
    public SlotState() {}

    /**
     * Takes a slot. A holder that has one keeps it with a new lease.
     *
     * @param limit     the number of slots and the lease time
     * @param holder    identifies the holder
     * @param nowMicros the instant, in microseconds since the epoch
     * @return whether the holder has a slot now
     */
    public boolean acquire(ConcurrencyLimit limit, UUID holder, long nowMicros) {
        removeExpired(nowMicros);
        if (!byHolder.containsKey(holder) && isFull(limit)) {
            return false;
        }
        put(holder, nowMicros + limit.leaseMicros());
        return true;
    }

    /**
     * Renews the lease of a slot.
     *
     * @param limit     the lease time
     * @param holder    identifies the holder
     * @param nowMicros the instant, in microseconds since the epoch
     * @return whether the holder had a slot; if not, nothing has changed
     */
    public boolean renew(ConcurrencyLimit limit, UUID holder, long nowMicros) {
        removeExpired(nowMicros);
        boolean held = byHolder.containsKey(holder);
        if (held) {
            put(holder, nowMicros + limit.leaseMicros());
        }
        return held;
    }

    /**
     * Frees a slot. Does nothing if the holder has none.
     *
     * @param holder identifies the holder
     */
    public void release(UUID holder) {
        Slot slot = byHolder.remove(holder);
        if (slot != null) {
            byExpiry.remove(slot);
        }
    }

    /**
     * Returns whether a new holder would be denied.
     *
     * @param limit     the number of slots
     * @param nowMicros the instant, in microseconds since the epoch
     * @return {@code true} if all slots are held
     */
    public boolean isFull(ConcurrencyLimit limit, long nowMicros) {
        removeExpired(nowMicros);
        return isFull(limit);
    }

    private boolean isFull(ConcurrencyLimit limit) {
        return byExpiry.size() >= limit.slots();
    }

    /**
     * Returns the number of free slots, as of the last operation with a time.
     *
     * @param limit the number of slots
     * @return 0 or more; 0 also if a lowered limit leaves more holders than slots
     */
    public long remaining(ConcurrencyLimit limit) {
        return Math.max(0, limit.slots() - byExpiry.size());
    }

    /**
     * Returns how long a new holder has to wait if no holder renews or releases its slot.
     *
     * @param limit     the number of slots, all of them held
     * @param nowMicros the instant, in microseconds since the epoch
     * @return microseconds
     */
    public long retryAfter(ConcurrencyLimit limit, long nowMicros) {
        long beyondLimit = byExpiry.size() - limit.slots();
        return byExpiry.stream().skip(beyondLimit).findFirst().orElseThrow().expiresAtMicros - nowMicros;
    }

    /**
     * Returns how long it takes until all leases have expired if no holder renews and no slot is taken. A store may
     * remove the key then.
     *
     * @param nowMicros the instant, in microseconds since the epoch
     * @return microseconds; 0 if no slot is held
     */
    public long resetAfter(long nowMicros) {
        return byExpiry.isEmpty() ? 0 : Math.max(0, byExpiry.last().expiresAtMicros - nowMicros);
    }

    /**
     * Returns whether no slot is held.
     *
     * @param nowMicros the instant, in microseconds since the epoch
     * @return {@code true} if the key can be removed
     */
    public boolean isBlank(long nowMicros) {
        removeExpired(nowMicros);
        return byExpiry.isEmpty();
    }

    /**
     * Adds the holders of another copy of the same key, for stores that recover from a network partition.
     *
     * @param other another copy; not changed
     * @return this
     */
    public SlotState join(SlotState other) {
        other.byExpiry.forEach(slot -> put(slot.holder, slot.expiresAtMicros));
        return this;
    }

    /** A caller whose clock lags does not shorten a lease. */
    private void put(UUID holder, long expiresAt) {
        Slot before = byHolder.get(holder);
        if (before != null) {
            byExpiry.remove(before);
        }
        Slot slot = new Slot(holder, before == null ? expiresAt : Math.max(expiresAt, before.expiresAtMicros));
        byHolder.put(holder, slot);
        byExpiry.add(slot);
    }

    private void removeExpired(long now) {
        while (!byExpiry.isEmpty() && byExpiry.first().expiresAtMicros <= now) {
            byHolder.remove(byExpiry.pollFirst().holder);
        }
    }

    void write(StateCodec.Writer out) {
        out.number(byExpiry.size());
        for (Slot slot : byExpiry) {
            out.number(slot.holder.getMostSignificantBits());
            out.number(slot.holder.getLeastSignificantBits());
            out.number(slot.expiresAtMicros);
        }
    }

    static SlotState read(StateCodec.Reader in) {
        SlotState state = new SlotState();
        int count = in.count();
        for (int i = 0; i < count; i++) {
            state.put(new UUID(in.number(), in.number()), in.number());
        }
        return state;
    }
}
