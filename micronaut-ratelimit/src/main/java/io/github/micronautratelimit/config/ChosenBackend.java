package io.github.micronautratelimit.config;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.RateLimitBackend;

/**
 * The backend that decides.
 *
 * @param name  what it is called in the configuration
 * @param guard stands between the application and its store; {@code null} for memory, which needs none
 * @param front what the application asks
 */
public record ChosenBackend(String name, @Nullable Guard guard, RateLimitBackend front) implements AutoCloseable {

    /** Ends what the guard does about an outage. */
    @Override
    public void close() {
        if (guard != null) {
            guard.close();
        }
    }
}
