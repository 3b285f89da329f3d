package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanProvider;
import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.annotation.Context;
import jakarta.inject.Inject;

/**
 * Detects a refresh that is not announced by an event. Micronaut Test refreshes the configuration beans itself for the
 * {@code @Property} of a test method. A refresh injects this bean again, because it is a configuration bean.
 */
@Context
@ConfigurationProperties(RateLimitConfiguration.PREFIX)
@RequiresRateLimit
final class RefreshDetector {

    private boolean created;

    @Inject
    void inject(BeanProvider<ConfigurationRefreshListener> limits) {
        if (created) {
            limits.get().refreshIfChanged();
        }
        created = true;
    }
}
