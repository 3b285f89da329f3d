package io.github.micronautratelimit.configuration;

import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.util.Toggleable;
import java.time.Duration;

/** The configuration of the log of denials. Read when the application starts; later changes have no effect. */
@ConfigurationProperties(DenialLogConfiguration.PREFIX)
public class DenialLogConfiguration implements Toggleable {

    /** The prefix of the properties. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".log-denials";

    private boolean enabled;
    private Duration interval = Duration.ofSeconds(10);

    /** Creates the default configuration. */
    public DenialLogConfiguration() {}

    @Override
    public boolean isEnabled() {
        return enabled;
    }

    /**
     * Enables the log of denials. Default: {@code false}.
     *
     * @param enabled {@code true} to log denials
     */
    public void setEnabled(boolean enabled) {
        this.enabled = enabled;
    }

    /**
     * Returns the time after a logged denial in which further denials of the policy are only counted.
     *
     * @return 100 ms or more
     */
    public Duration getInterval() {
        return interval;
    }

    /**
     * The time after a logged denial in which further denials of the policy are only counted, 100 ms or more. Default:
     * {@code 10s}.
     *
     * @param interval 100 ms or more
     */
    public void setInterval(Duration interval) {
        if (interval.compareTo(Duration.ofMillis(100)) < 0) {
            throw new ConfigurationException(PREFIX + ".interval = \"" + interval
                    + "\": the interval must be 100ms or more; write a duration such as 10s.");
        }
        this.interval = interval;
    }
}
