package io.github.micronautratelimit.observe;

import java.time.Duration;

import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.util.Toggleable;

/** The settings of the log of denials. Set while the application starts, then only read. */
@ConfigurationProperties(DenialLogConfiguration.PREFIX)
public class DenialLogConfiguration implements Toggleable {

    /** The prefix of the settings. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".log-denials";

    private boolean enabled;
    private Duration interval = Duration.ofSeconds(10);

    @Override
    public boolean isEnabled() {
        return enabled;
    }

    /**
     * Whether denials are logged. Default: {@code false}.
     *
     * @param enabled {@code true} to log them
     */
    public void setEnabled(boolean enabled) {
        this.enabled = enabled;
    }

    /**
     * How long the denials of a policy are only counted after one was logged.
     *
     * @return 100 ms or more
     */
    public Duration getInterval() {
        return interval;
    }

    /**
     * How long the denials of a policy are only counted after one was logged, 100 ms or more. Default: {@code 10s}.
     *
     * @param interval 100 ms or more
     */
    public void setInterval(Duration interval) {
        if (interval.compareTo(Duration.ofMillis(100)) < 0) {
            throw new ConfigurationException(PREFIX + ".interval = " + interval
                    + ": denials are counted for 100ms or more; write a duration such as 10s.");
        }
        this.interval = interval;
    }
}
