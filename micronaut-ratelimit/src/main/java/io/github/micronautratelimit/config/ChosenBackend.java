package io.github.micronautratelimit.config;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.PermitLeases;
import io.github.micronautratelimit.RateLimitBackend;

/**
 * The backend that decides.
 *
 * @param name   what it is called in the configuration
 * @param guard  stands between the application and its store; {@code null} for memory, which needs none
 * @param leases what is taken ahead from that store; {@code null} for memory
 * @param front  what the application asks
 */
public record ChosenBackend(String name, @Nullable Guard guard, @Nullable PermitLeases leases, RateLimitBackend front)
        implements AutoCloseable {

    /** Gives back what is taken ahead, and ends what the guard does about an outage. */
    @Override
    public void close() {
        if (leases != null) {
            leases.close();
        }
    }
}
