package io.github.micronautratelimit.management;

import java.util.List;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.management.HeavyHitters.Hitter;
import jakarta.inject.Singleton;

/** Remembers who is granted what little is left of a limit most often; as {@link TopBlocked}, but only for the page. */
@Singleton
@RequiresDashboard
final class NearLimit implements RateLimitListener {

    private final HeavyHitters hitters = new HeavyHitters(TopBlocked.PLACES, TopBlocked.HALF_LIFE, System::nanoTime);

    @Override
    public boolean isInline() {
        return true;
    }

    @Override
    public void onAllow(RateLimitEvent event) {
        if (event.isNearLimit()) {
            hitters.add(event.policy().name(), event.keyHash());
        }
    }

    /** The keys that are near their limit most often, first the one that is most often. */
    List<Hitter> most(int keys) {
        return hitters.top(keys);
    }
}
