package io.github.micronautratelimit.web;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The instants at which denied callers should return, by policy and key: the first one when the next permit comes, each
 * further one when the permit after that comes. Callers that were denied together then do not return
 * together for one permit. Nothing is reserved for them.
 *
 * <p><em>State.</em> For each key, the last instant handed out, as in virtual scheduling (the generic cell rate
 * algorithm, ITU-T I.371). It is forgotten when its time has passed.
 *
 * <p><em>Bounds.</em> A caller gets an instant at most {@code spread} later than the exact one. Callers beyond that
 * get random instants within it, so a caller that does not obey cannot put others off further. At most
 * {@value #MAX_KEYS} keys are remembered; callers of others get random instants too.
 *
 * <p>Knows no clock. Safe for use by any number of threads.
 */
final class ReturnTimes {

    static final int MAX_KEYS = 10_000;

    private final long spreadMicros;
    private final int instances;
    private final LongUnaryOperator random;
    private final ConcurrentHashMap<Key, Told> keys = new ConcurrentHashMap<>();

    private record Key(String policy, String key) {}

    /**
     * The last instant handed out.
     *
     * @param atMicros microseconds since the epoch
     * @param permits  the permits of the callers that got this instant
     */
    private record Told(long atMicros, long permits) {}

    /**
     * Creates empty times.
     *
     * @param spreadMicros the most time that is added to the exact time to wait, more than 0
     * @param instances    the number of instances that tell callers of the same keys to come back
     * @param random       returns a random number from 0 to a bound, both inclusive
     */
    ReturnTimes(long spreadMicros, int instances, LongUnaryOperator random) {
        this.spreadMicros = spreadMicros;
        this.instances = instances;
        this.random = random;
    }

    /**
     * Returns how long a denied caller should wait.
     *
     * @param request   its request
     * @param denial    the denial, with a time to wait
     * @param nowMicros the present time, in microseconds since the epoch
     * @return microseconds, at least the exact time to wait
     */
    long waitMicros(PermitRequest request, Decision.Denied denial, long nowMicros) {
        long exact = denial.retryAfterMicros();
        List<Limit> limits = denial.deniedBy().isEmpty() ? request.policy().rateLimits() : denial.deniedBy();
        if (limits.isEmpty()) {
            return exact; // when a slot is free is not known
        }
        Key key = new Key(request.policy().name(), request.key());
        if (!keys.containsKey(key) && !hasRoom(nowMicros)) {
            return exact + random.applyAsLong(spreadMicros);
        }
        long earliest = nowMicros + exact;
        long[] told = {0};
        keys.compute(key, (same, last) -> {
            Told next = next(last, earliest, limits, request.permits());
            boolean within = next.atMicros - earliest <= spreadMicros;
            told[0] = within ? next.atMicros : earliest + random.applyAsLong(spreadMicros);
            return within ? next : last;
        });
        return told[0] - nowMicros;
    }

    private boolean hasRoom(long nowMicros) {
        if (keys.size() < MAX_KEYS) {
            return true;
        }
        keys.values().removeIf(told -> told.atMicros < nowMicros);
        return keys.size() < MAX_KEYS;
    }

    private Told next(@Nullable Told last, long earliest, List<Limit> limits, long permits) {
        long pace = pace(limits, permits);
        if (last == null || last.atMicros < earliest) {
            // Another instance may tell the same instant to its callers.
            long offset = instances == 1 ? 0 : pace / instances * random.applyAsLong(instances - 1L);
            return new Told(earliest + offset, permits);
        }
        if (pace > 0) {
            return new Told(last.atMicros + pace, permits);
        }
        Limit window = limits.get(0);
        return last.permits + permits <= Math.max(1, window.permits() / instances)
                ? new Told(last.atMicros, last.permits + permits)
                : new Told(last.atMicros + window.periodMicros(), permits);
    }

    /** Returns the time between two requests of this cost; 0 if all permits of a window come at once. */
    private long pace(List<Limit> limits, long permits) {
        double longest = 0;
        for (Limit limit : limits) {
            if (!(limit instanceof FixedWindow)) {
                longest = Math.max(longest, (double) limit.periodMicros() * permits / limit.permits());
            }
        }
        return (long) Math.min(2.0 * spreadMicros, longest * instances);
    }

    /** Returns the keys that are remembered. */
    int size() {
        return keys.size();
    }
}
