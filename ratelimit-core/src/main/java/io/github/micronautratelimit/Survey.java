package io.github.micronautratelimit;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.memory.MemoryBackend;

/** Goes from a limiter down to its store and asks everything on the way how it is doing. */
final class Survey {

    private long listenerFailures;
    private final long eventsDropped;
    private long denyCacheHits;
    private long localLimitDenials;
    private LimiterStats.@Nullable Store store;
    private LimiterStats.@Nullable Leases leases;
    private LimiterStats.@Nullable Sharing sharing;
    private LimiterStats.@Nullable Memory memory;

    Survey(Listeners listeners) {
        listenerFailures = listeners.failures();
        eventsDropped = listeners.dropped();
    }

    LimiterStats of(RateLimitBackend outermost) {
        RateLimitBackend backend = outermost;
        visit(backend);
        while (backend instanceof InFront front) {
            backend = front.of();
            visit(backend);
        }
        return new LimiterStats(listenerFailures, eventsDropped, denyCacheHits, localLimitDenials, store, leases, sharing,
                memory);
    }

    private void visit(RateLimitBackend backend) {
        if (sharing == null) {
            sharing = backend.sharing();
        }
        if (backend instanceof DenyCache cache) {
            denyCacheHits += cache.hits();
        } else if (backend instanceof LocalLimit local) {
            localLimitDenials += local.denials();
        } else if (backend instanceof Guard guard) {
            store = guard.stats();
        } else if (backend instanceof PermitLeases ahead) {
            leases = ahead.stats();
        } else if (backend instanceof ObservedStore observed) {
            listenerFailures += observed.failures();
        } else if (backend instanceof MemoryBackend keys) {
            memory = new LimiterStats.Memory(keys.liveKeys(), keys.sharedDecisions());
        }
    }
}
