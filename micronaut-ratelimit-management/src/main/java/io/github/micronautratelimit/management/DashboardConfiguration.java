package io.github.micronautratelimit.management;

import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.core.util.Toggleable;

/** The configuration of the live page. */
@ConfigurationProperties(DashboardConfiguration.PREFIX)
public class DashboardConfiguration implements Toggleable {

    /** The prefix of the properties. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".dashboard";

    private boolean enabled;

    /** Creates the default configuration. */
    public DashboardConfiguration() {}

    @Override
    public boolean isEnabled() {
        return enabled;
    }

    /**
     * Enables the live page at {@code /ratelimit-dashboard}. Default: {@code false}.
     *
     * @param enabled {@code true} to serve the page
     */
    public void setEnabled(boolean enabled) {
        this.enabled = enabled;
    }
}
