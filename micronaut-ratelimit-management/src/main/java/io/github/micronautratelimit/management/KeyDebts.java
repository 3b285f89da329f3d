package io.github.micronautratelimit.management;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.management.HeavyHitters.Hitter;
import jakarta.inject.Singleton;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads what the most denied keys have used beyond their limits. A key in debt is denied, so only denied keys are read.
 * Only the live page needs them.
 */
@Singleton
@RequiresDashboard
final class KeyDebts implements RateLimitListener {

    private static final int MAX_KEYS = 200;

    private final Map<Name, Known> known = new LinkedHashMap<>(16, 0.75f, true) {

        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Name, Known> eldest) {
            return size() > MAX_KEYS;
        }
    };

    private record Name(String policy, String keyHash) {}

    /** The last denial of a key, and its debt when it was last read. */
    private record Known(RateLimitEvent denial, long debt) {}

    @Override
    public boolean isInline() {
        return true;
    }

    @Override
    public void onBlock(RateLimitEvent event) {
        Name name = new Name(event.policy().name(), event.keyHash());
        synchronized (known) {
            known.compute(name, (same, before) -> new Known(event, before == null ? 0 : before.debt));
        }
    }

    /** Starts to read the debts of keys. */
    void refresh(RateLimiter limiter, Collection<Hitter> keys) {
        for (Hitter key : keys) {
            Name name = new Name(key.policy(), key.keyHash());
            RateLimitEvent denial = find(name);
            if (denial != null && !denial.policy().rateLimits().isEmpty()) {
                limiter.async().usage(denial).thenAccept(usage -> replace(name, debt(usage)));
            }
        }
    }

    private @Nullable RateLimitEvent find(Name name) {
        synchronized (known) {
            Known found = known.get(name);
            return found == null ? null : found.denial;
        }
    }

    private void replace(Name name, long debt) {
        synchronized (known) {
            known.computeIfPresent(name, (same, before) -> new Known(before.denial, debt));
        }
    }

    private static long debt(List<Limit.Usage> usage) {
        return usage.stream()
                .filter(each -> !each.estimated())
                .mapToLong(each -> Math.max(0, each.used() - each.limit().capacity()))
                .max()
                .orElse(0);
    }

    /** Returns the permits that a key has used beyond a limit; 0 if there are none, or they have not been read. */
    long of(Hitter key) {
        synchronized (known) {
            Known found = known.get(new Name(key.policy(), key.keyHash()));
            return found == null ? 0 : found.debt;
        }
    }
}
