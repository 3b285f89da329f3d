package io.github.micronautratelimit.testing;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.hotkey.PermitSource;
import io.github.micronautratelimit.hotkey.PrefetchingBackend;
import java.time.Duration;
import java.util.concurrent.CompletionStage;

/** Prefetches from a guarded store, as the builder of the limiter does. */
public record GuardedSource(Guard guard) implements PermitSource {

    /** Returns a prefetching backend on a guarded store. */
    public static PrefetchingBackend prefetching(RateLimitBackend store, MicroClock clock) {
        Guard guard = new Guard(store, "store", Duration.ofSeconds(30), 1, clock, failure -> {});
        return new PrefetchingBackend(guard, new GuardedSource(guard), clock);
    }

    @Override
    public boolean isAvailable(Policy policy, String key) {
        return guard.isCallingStore(policy, key);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return guard.acquireOrFail(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return guard.refundOrFail(policy, key, permits, chargedAtMicros);
    }
}
