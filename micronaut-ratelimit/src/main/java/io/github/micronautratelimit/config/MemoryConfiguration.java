package io.github.micronautratelimit.config;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.ConfigurationProperties;

/**
 * The settings of the memory backend.
 */
@ConfigurationProperties(RateLimitConfiguration.PREFIX + ".memory")
public class MemoryConfiguration {

    private int maxKeys = MemoryBackend.defaultMaxKeys();

    /**
     * The most keys live at once.
     *
     * @return 1 or more
     */
    public int getMaxKeys() {
        return maxKeys;
    }

    /**
     * The most keys live at once; further ones share counters until there is room. Default: one for every 4 KB of heap.
     *
     * @param maxKeys 1 or more
     */
    public void setMaxKeys(int maxKeys) {
        this.maxKeys = maxKeys;
    }
}
