package io.github.micronautratelimit.config;

import io.github.micronautratelimit.PermitLeases;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.ShutdownEvent;
import jakarta.inject.Singleton;

/** Gives back what is taken ahead when the application stops, while the store's connection is still there. */
@Singleton
@RequiresRateLimit
final class LeasesAtEnd implements ApplicationEventListener<ShutdownEvent> {

    private final ChosenBackend chosen;

    LeasesAtEnd(ChosenBackend chosen) {
        this.chosen = chosen;
    }

    @Override
    public void onApplicationEvent(ShutdownEvent event) {
        PermitLeases leases = chosen.leases();
        if (leases != null) {
            leases.drain();
        }
    }
}
