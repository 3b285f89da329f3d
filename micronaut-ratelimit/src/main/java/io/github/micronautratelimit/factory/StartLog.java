package io.github.micronautratelimit.factory;

import io.github.micronautratelimit.configuration.ClientConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.configuration.WrittenNames;
import io.github.micronautratelimit.policy.ReachabilityCheck;
import io.micronaut.context.env.Environment;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.StartupEvent;
import jakarta.inject.Singleton;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks all limits together before the server accepts requests, and logs how many there are and where they are kept.
 */
@Singleton
@RequiresRateLimit
final class StartLog implements ApplicationEventListener<StartupEvent> {

    private static final Logger LOG = LoggerFactory.getLogger(StartLog.class);

    private final SelectedBackend selected;
    private final ReachabilityCheck reachability;
    private final RateLimitConfiguration configuration;
    private final int clients;

    StartLog(
            SelectedBackend selected,
            ReachabilityCheck reachability,
            RateLimitConfiguration configuration,
            List<ClientConfiguration> clients,
            Environment environment) {
        this.configuration = configuration;
        this.clients = WrittenNames.clients(clients, environment).size();
        this.selected = selected;
        this.reachability = reachability;
    }

    @Override
    public void onApplicationEvent(StartupEvent event) {
        ReachabilityCheck.Counts counts = reachability.check();
        LOG.info(
                "Rate limits are kept in {}.{} Limits on routes: {}, on beans: {}, on WebSockets: {}, path rules: {}.{}{}",
                selected.name(),
                selected.backend().isLocal() ? " Each instance of the application has its own limits." : "",
                counts.onRoutes(),
                counts.onBeans(),
                counts.onWebSockets(),
                counts.onPaths(),
                clients == 0 ? "" : " Limits on calls of other services: " + clients + ".",
                configuration.isShadow() ? " ratelimit.shadow is set, so none of them denies a request." : "");
    }
}
