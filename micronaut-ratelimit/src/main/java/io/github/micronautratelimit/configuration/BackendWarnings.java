package io.github.micronautratelimit.configuration;

import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.micronaut.core.annotation.Internal;
import jakarta.inject.Singleton;

/** Logs the warnings of a backend, each once, unless {@code ratelimit.silence} contains its code. */
@Internal
@Singleton
@RequiresRateLimit
public final class BackendWarnings {

    private final ConfigurationWarnings warnings;

    BackendWarnings(ConfigurationWarnings warnings) {
        this.warnings = warnings;
    }

    /**
     * Logs a warning, unless it was logged before.
     *
     * @param code {@code RL} and three digits
     * @param text the warning
     */
    public void warn(String code, String text) {
        warnings.warn(code, text);
    }
}
