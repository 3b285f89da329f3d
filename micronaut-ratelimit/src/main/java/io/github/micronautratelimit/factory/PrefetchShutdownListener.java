package io.github.micronautratelimit.factory;

import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.ShutdownEvent;
import jakarta.inject.Singleton;

/** Returns prefetched permits when the application stops, while the connection to the store is still open. */
@Singleton
@RequiresRateLimit
final class PrefetchShutdownListener implements ApplicationEventListener<ShutdownEvent> {

    private final RateLimiter limiter;

    PrefetchShutdownListener(RateLimiter limiter) {
        this.limiter = limiter;
    }

    @Override
    public void onApplicationEvent(ShutdownEvent event) {
        limiter.returnPrefetched();
    }
}
