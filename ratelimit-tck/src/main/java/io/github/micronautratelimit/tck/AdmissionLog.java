package io.github.micronautratelimit.tck;

import java.util.ArrayList;
import java.util.List;

import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.TokenBucket;

/** What was granted and when, and by plain counting, what a limit then promises. */
final class AdmissionLog {

    private final List<Entry> entries = new ArrayList<>();

    private record Entry(long micros, long permits) {
    }

    void add(long micros, long permits) {
        entries.add(new Entry(micros, permits));
    }

    /** Whether the limit still keeps its promise if so many are granted now, at the latest time so far. */
    boolean mayGrant(Limit limit, long now, long permits) {
        if (limit instanceof TokenBucket) {
            return permits <= limit.capacity() && entries.stream().allMatch(first ->
                    Math.multiplyExact(grantedSince(first.micros) + permits - limit.capacity(), limit.periodMicros())
                            <= Math.multiplyExact(now - first.micros, limit.permits()));
        }
        long from = limit instanceof FixedWindow ? now - now % limit.periodMicros() : now - limit.periodMicros();
        return grantedSince(from) + permits <= limit.permits();
    }

    /** Whether the limit may deny so many now: a sliding window may count for one of its 64 segments longer. */
    boolean mayDeny(Limit limit, long now, long permits) {
        if (limit instanceof TokenBucket || limit instanceof FixedWindow) {
            return !mayGrant(limit, now, permits);
        }
        long longest = 65 * ((limit.periodMicros() + 63) / 64);
        return grantedSince(now - longest) + permits > limit.permits();
    }

    private long grantedSince(long micros) {
        return entries.stream().filter(entry -> entry.micros >= micros).mapToLong(Entry::permits).sum();
    }
}
