package io.github.micronautratelimit;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.UUID;

/**
 * Who holds the places of one key, and until when; and the decisions on it, the same in every backend. Whoever keeps
 * it says what time it is. A place that has expired is free, whether or not anybody has asked since.
 *
 * <p>As large as its holders are many; each step takes time in proportion to the logarithm of that. Not thread-safe.
 */
public final class Places {

    private record Place(UUID holder, long untilMicros) {
    }

    private final Map<UUID, Place> byHolder = new HashMap<>();
    private final TreeSet<Place> byEnd =
            new TreeSet<>(Comparator.comparingLong(Place::untilMicros).thenComparing(Place::holder));

    /** No places held. */
    public Places() {
    }

    /**
     * Takes a place, or keeps the one that is held.
     *
     * @param limit     how many there are, and for how long one is held
     * @param holder    who asks
     * @param nowMicros the instant, in microseconds since the epoch
     * @return the decision
     */
    public Decision acquire(ConcurrencyLimit limit, UUID holder, long nowMicros) {
        drop(nowMicros);
        if (!byHolder.containsKey(holder) && byEnd.size() >= limit.holders()) {
            return denial(limit, nowMicros);
        }
        put(holder, nowMicros + limit.leaseMicros());
        return grant(limit, nowMicros);
    }

    /**
     * Keeps a place for a new lease time.
     *
     * @param limit     for how long
     * @param holder    who holds it
     * @param nowMicros the instant, in microseconds since the epoch
     * @return whether it was held; if not, nothing has changed
     */
    public boolean renew(ConcurrencyLimit limit, UUID holder, long nowMicros) {
        drop(nowMicros);
        boolean held = byHolder.containsKey(holder);
        if (held) {
            put(holder, nowMicros + limit.leaseMicros());
        }
        return held;
    }

    /**
     * Gives a place back, if it is held.
     *
     * @param holder who holds it
     */
    public void release(UUID holder) {
        Place place = byHolder.remove(holder);
        if (place != null) {
            byEnd.remove(place);
        }
    }

    /**
     * What a new holder would be answered.
     *
     * @param limit     how many places there are
     * @param nowMicros the instant, in microseconds since the epoch
     * @return the decision; if granted, with the places that are free before one is taken
     */
    public Decision peek(ConcurrencyLimit limit, long nowMicros) {
        drop(nowMicros);
        return byEnd.size() < limit.holders() ? grant(limit, nowMicros) : denial(limit, nowMicros);
    }

    /**
     * Whether nobody holds a place.
     *
     * @param nowMicros the instant, in microseconds since the epoch
     * @return {@code true} if nothing needs to be remembered
     */
    public boolean isBlank(long nowMicros) {
        drop(nowMicros);
        return byEnd.isEmpty();
    }

    /**
     * How long after an instant all places will have expired, if nobody renews or takes any. A store may forget the key
     * then.
     *
     * @param nowMicros the instant, in microseconds since the epoch
     * @return microseconds; 0 if nobody holds one
     */
    public long endAfter(long nowMicros) {
        return byEnd.isEmpty() ? 0 : Math.max(0, byEnd.last().untilMicros - nowMicros);
    }

    /**
     * Who holds a place in either of two, for stores whose parts have lost sight of each other and each went on alone.
     *
     * @param other what another part of the store remembers of the same key; not changed
     * @return this, with the other's holders
     */
    public Places join(Places other) {
        other.byEnd.forEach(place -> put(place.holder, place.untilMicros));
        return this;
    }

    /** A caller whose clock is behind shortens nobody's lease. */
    private void put(UUID holder, long until) {
        Place before = byHolder.get(holder);
        if (before != null) {
            byEnd.remove(before);
        }
        Place place = new Place(holder, before == null ? until : Math.max(until, before.untilMicros));
        byHolder.put(holder, place);
        byEnd.add(place);
    }

    private void drop(long now) {
        while (!byEnd.isEmpty() && byEnd.first().untilMicros <= now) {
            byHolder.remove(byEnd.pollFirst().holder);
        }
    }

    private Decision grant(ConcurrencyLimit limit, long now) {
        return new Decision.Allowed(Math.max(0, limit.holders() - byEnd.size()), endAfter(now),
                Decision.Source.STORE);
    }

    /** More may hold places than there are, if there were more before. */
    private Decision denial(ConcurrencyLimit limit, long now) {
        long tooMany = byEnd.size() - limit.holders();
        long free = byEnd.stream().skip(tooMany).findFirst().orElseThrow().untilMicros;
        return new Decision.Denied(0, free - now, endAfter(now), List.of(), Decision.Source.STORE);
    }

    void write(Wire.Writer out) {
        out.number(byEnd.size());
        for (Place place : byEnd) {
            out.number(place.holder.getMostSignificantBits());
            out.number(place.holder.getLeastSignificantBits());
            out.number(place.untilMicros);
        }
    }

    static Places read(Wire.Reader in) {
        Places places = new Places();
        int count = in.count();
        for (int i = 0; i < count; i++) {
            places.put(new UUID(in.number(), in.number()), in.number());
        }
        return places;
    }
}
