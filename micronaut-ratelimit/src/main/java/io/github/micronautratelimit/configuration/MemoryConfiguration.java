package io.github.micronautratelimit.configuration;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.ConfigurationProperties;

/** The configuration of the memory backend. */
@ConfigurationProperties(RateLimitConfiguration.PREFIX + ".memory")
public class MemoryConfiguration {

    private int maxKeys = MemoryBackend.defaultMaxKeys();

    /** Creates the default configuration. */
    public MemoryConfiguration() {}

    /**
     * Returns the maximum number of live keys.
     *
     * @return 1 or more
     */
    public int getMaxKeys() {
        return maxKeys;
    }

    /**
     * The maximum number of live keys, 1 or more. Further keys share counters until there is room. Default: one key per
     * 4 KB of heap.
     *
     * @param maxKeys 1 or more
     */
    public void setMaxKeys(int maxKeys) {
        this.maxKeys = maxKeys;
    }
}
