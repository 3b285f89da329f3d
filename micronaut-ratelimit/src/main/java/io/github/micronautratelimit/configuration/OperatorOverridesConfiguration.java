package io.github.micronautratelimit.configuration;

import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;
import java.time.Duration;

/**
 * The configuration of the limits that operators set while the application runs. Read when the application starts;
 * later changes have no effect.
 */
@ConfigurationProperties(OperatorOverridesConfiguration.PREFIX)
public class OperatorOverridesConfiguration {

    /** The prefix of the properties. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".operator-overrides";

    private static final Duration LONGEST = Duration.ofMinutes(1);

    private Duration pollInterval = Duration.ofSeconds(2);

    /** Creates the default configuration. */
    public OperatorOverridesConfiguration() {}

    /**
     * Returns the time between two reads of the overrides.
     *
     * @return 0 if this instance reads none
     */
    public Duration getPollInterval() {
        return pollInterval;
    }

    /**
     * The time between two reads of the overrides from the store. Another instance applies an override that much later.
     * With 0s, this instance reads and sets none. Default: {@code 2s}.
     *
     * @param pollInterval 100ms to 1m, or 0s
     */
    public void setPollInterval(Duration pollInterval) {
        boolean valid = pollInterval.isZero() || pollInterval.toMillis() >= 100 && pollInterval.compareTo(LONGEST) <= 0;
        if (!valid) {
            throw new ConfigurationException(PREFIX + ".poll-interval = \"" + pollInterval
                    + "\": write a time of 100ms to 1m, or 0s to read no overrides.");
        }
        this.pollInterval = pollInterval;
    }
}
