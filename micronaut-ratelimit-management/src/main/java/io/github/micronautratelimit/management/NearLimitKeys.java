package io.github.micronautratelimit.management;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.management.HeavyHitters.Hitter;
import jakarta.inject.Singleton;
import java.util.List;

/** Tracks the keys that most often have used 80 % of their limit or more. Only the live page needs them. */
@Singleton
@RequiresDashboard
final class NearLimitKeys implements RateLimitListener {

    private final HeavyHitters hitters =
            new HeavyHitters(TopDeniedKeys.COUNTERS, TopDeniedKeys.HALF_LIFE, System::nanoTime);

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

    /** Returns at most the given number of keys, the most frequent first. */
    List<Hitter> top(int maxKeys) {
        return hitters.top(maxKeys);
    }
}
