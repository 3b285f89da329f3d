package io.github.micronautratelimit.management;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.management.HeavyHitters.Hitter;
import io.micronaut.core.util.Toggleable;
import io.micronaut.core.value.PropertyResolver;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;

/** Tracks the hashes of the keys that this instance has recently denied most often, in bounded memory. */
@Singleton
@RequiresRateLimit
final class TopDeniedKeys implements RateLimitListener, Toggleable {

    /** A key with more than 1/256 of all denials is always found. */
    static final int COUNTERS = 256;

    static final Duration HALF_LIFE = Duration.ofMinutes(1);

    private final HeavyHitters hitters = new HeavyHitters(COUNTERS, HALF_LIFE, System::nanoTime);
    private final boolean enabled;

    TopDeniedKeys(PropertyResolver properties) {
        this.enabled = properties.get(RequiresDashboard.PROPERTY, Boolean.class).orElse(false)
                || properties
                        .get("endpoints." + RateLimitsEndpoint.ID + ".enabled", Boolean.class)
                        .or(() -> properties.get("endpoints.all.enabled", Boolean.class))
                        .orElse(true);
    }

    /** Returns {@code false} if neither the endpoint nor the page is enabled. Decisions then have no extra cost. */
    @Override
    public boolean isEnabled() {
        return enabled;
    }

    /**
     * Returns {@code true}: passing a denial to another thread costs as much as counting it, and grants cost nothing.
     */
    @Override
    public boolean isInline() {
        return true;
    }

    @Override
    public void onBlock(RateLimitEvent event) {
        hitters.add(event.policy().name(), event.keyHash());
    }

    /** Returns at most the given number of keys, the most frequently denied first. */
    List<Hitter> top(int maxKeys) {
        return hitters.top(maxKeys);
    }
}
