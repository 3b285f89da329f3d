package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.ArrayList;
import java.util.List;

/** A log of grants. It checks by counting whether a limit may grant or deny a request. */
final class AdmissionLog {

    private final List<Entry> entries = new ArrayList<>();

    private record Entry(long micros, long permits) {}

    void add(long micros, long permits) {
        entries.add(new Entry(micros, permits));
    }

    /** Returns whether the limit permits a grant now. Calls are in the order of time. */
    boolean mayGrant(Limit limit, long now, long permits) {
        if (limit instanceof TokenBucket) {
            return permits <= limit.capacity()
                    && entries.stream()
                            .allMatch(first -> Math.multiplyExact(
                                            grantedSince(first.micros) + permits - limit.capacity(),
                                            limit.periodMicros())
                                    <= Math.multiplyExact(now - first.micros, limit.permits()));
        }
        long from =
                limit instanceof FixedWindow window ? window.startOf(window.windowAt(now)) : now - limit.periodMicros();
        return grantedSince(from) + permits <= limit.permits();
    }

    /**
     * Returns whether the limit may deny permits now. A sliding window may count them for one of its 64 segments
     * longer.
     */
    boolean mayDeny(Limit limit, long now, long permits) {
        if (limit instanceof TokenBucket || limit instanceof FixedWindow) {
            return !mayGrant(limit, now, permits);
        }
        long segment = (limit.periodMicros() + 63) / 64;
        long longest = (limit.periodMicros() + segment - 1) / segment * segment + segment;
        return grantedSince(now - longest) + permits > limit.permits();
    }

    private long grantedSince(long micros) {
        return entries.stream()
                .filter(entry -> entry.micros >= micros)
                .mapToLong(Entry::permits)
                .sum();
    }
}
