package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.testing.GuardedSource;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.function.LongFunction;

/** Creates layers for hot keys with another clock and other threads than those of the process. */
public final class VirtualLayers {

    private VirtualLayers() {}

    /**
     * Creates a coalescer.
     *
     * @param timer  takes a delay in nanoseconds and returns an executor that runs tasks after it
     * @param random the source of the random part of delays
     */
    public static Coalescer coalescer(
            RateLimitBackend store,
            Duration timeout,
            Scheduler scheduler,
            LongFunction<Executor> timer,
            SplittableRandom random) {
        return new Coalescer(
                store, timeout, new ThrottledCalls(timer, scheduler::nanoTime, random::nextLong), scheduler);
    }

    public static PrefetchingBackend prefetching(Guard guard, MicroClock clock, Scheduler scheduler) {
        return new PrefetchingBackend(guard, new GuardedSource(guard), clock, scheduler);
    }
}
