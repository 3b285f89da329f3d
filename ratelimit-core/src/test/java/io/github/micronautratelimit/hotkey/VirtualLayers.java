package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.testing.GuardedSource;
import java.time.Duration;

/** Creates layers for hot keys with another clock and other threads than those of the process. */
public final class VirtualLayers {

    private VirtualLayers() {}

    public static Coalescer coalescer(RateLimitBackend store, Duration timeout, Scheduler scheduler) {
        return new Coalescer(store, timeout, new ThrottledCalls(), scheduler);
    }

    public static PrefetchingBackend prefetching(Guard guard, MicroClock clock, Scheduler scheduler) {
        return new PrefetchingBackend(guard, new GuardedSource(guard), clock, scheduler);
    }
}
