package io.github.micronautratelimit.management;

import java.time.Duration;
import java.util.List;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.management.HeavyHitters.Hitter;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.Toggleable;
import io.micronaut.core.value.PropertyResolver;
import io.micronaut.management.endpoint.annotation.Endpoint;
import jakarta.inject.Singleton;

/** Remembers whom this instance denies most often: of late, hashed, and of no more keys than a few hundred. */
@Singleton
@RequiresRateLimit
@Requires(classes = Endpoint.class)
final class TopBlocked implements RateLimitListener, Toggleable {

    /** Whoever makes up a 256th of all denials is not missed. */
    static final int PLACES = 256;
    static final Duration HALF_LIFE = Duration.ofMinutes(1);

    private final HeavyHitters hitters = new HeavyHitters(PLACES, HALF_LIFE, System::nanoTime);
    private final boolean enabled;

    TopBlocked(PropertyResolver properties) {
        this.enabled = properties.get(RequiresDashboard.PROPERTY, Boolean.class).orElse(false)
                || properties.get("endpoints." + RateLimitsEndpoint.ID + ".enabled", Boolean.class)
                        .or(() -> properties.get("endpoints.all.enabled", Boolean.class)).orElse(true);
    }

    /** If nobody can ask, nothing is remembered, and no decision takes longer for it. */
    @Override
    public boolean isEnabled() {
        return enabled;
    }

    /** What is granted costs nothing here, and to hand a denial to another thread would cost as much as to count it. */
    @Override
    public boolean isInline() {
        return true;
    }

    @Override
    public void onBlock(RateLimitEvent event) {
        hitters.add(event.policy().name(), event.keyHash());
    }

    /** The most often denied keys, first the one that is most often. */
    List<Hitter> most(int keys) {
        return hitters.top(keys);
    }
}
