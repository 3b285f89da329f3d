package io.github.micronautratelimit.management;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.management.HeavyHitters.Hitter;
import jakarta.inject.Singleton;
import java.util.List;

/**
 * Tracks the keys that limits on trial would most often deny: denials of policies in shadow mode, and denials by a
 * candidate alone. In bounded memory, and with hashes of keys only.
 */
@Singleton
@RequiresRateLimit
final class TopTrialKeys implements RateLimitListener {

    private final HeavyHitters hitters =
            new HeavyHitters(TopDeniedKeys.COUNTERS, TopDeniedKeys.HALF_LIFE, System::nanoTime);

    @Override
    public boolean isInline() {
        return true;
    }

    @Override
    public void onShadow(RateLimitEvent event) {
        if (!event.decision().allowed()) {
            hitters.add(event.policy().name(), event.keyHash());
        }
    }

    @Override
    public void onCandidate(RateLimitEvent enforced, RateLimitEvent candidate) {
        if (enforced.decision().allowed() && !candidate.decision().allowed()) {
            hitters.add(candidate.policy().name(), candidate.keyHash());
        }
    }

    /** Returns at most the given number of keys, the most frequent first. */
    List<Hitter> top(int maxKeys) {
        return hitters.top(maxKeys);
    }
}
