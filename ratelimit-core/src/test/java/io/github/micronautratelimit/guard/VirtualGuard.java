package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.internal.Scheduler;
import java.time.Duration;

/** Creates guards with another clock and other threads than those of the process. */
public final class VirtualGuard {

    private VirtualGuard() {}

    /** Creates a guard whose late calls end on the thread of the scheduler. */
    public static Guard of(
            RateLimitBackend store, Duration deadline, int instances, MicroClock clock, Scheduler scheduler) {
        return new Guard(
                store, "store", deadline, instances, clock, new Deadlines(scheduler, Runnable::run), failure -> {});
    }
}
