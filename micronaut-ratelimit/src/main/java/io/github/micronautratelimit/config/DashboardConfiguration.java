package io.github.micronautratelimit.config;

import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.core.util.Toggleable;

/** The settings of the live page. */
@ConfigurationProperties(DashboardConfiguration.PREFIX)
final class DashboardConfiguration implements Toggleable {

    static final String PREFIX = RateLimitConfiguration.PREFIX + ".dashboard";

    private boolean enabled;

    @Override
    public boolean isEnabled() {
        return enabled;
    }

    /**
     * Whether there is the live page of what is decided, at {@code /ratelimit-dashboard}; it needs micronaut-management.
     * Default: {@code false}.
     */
    void setEnabled(boolean enabled) {
        this.enabled = enabled;
    }
}
