package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.micronaut.context.annotation.ConfigurationProperties;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The settings of the Redis backend. The address of Redis comes from the {@code redis} properties of the application.
 */
@ConfigurationProperties(RedisConfiguration.PREFIX)
public class RedisConfiguration {

    /** The prefix of all settings. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".redis";

    private @Nullable String server;

    /**
     * Returns the Redis server that keeps the limits.
     *
     * @return a name under {@code redis.servers}; empty for the server of {@code redis.uri} or {@code redis.uris}
     */
    public Optional<String> getServer() {
        return Optional.ofNullable(server);
    }

    /**
     * The Redis server that keeps the limits, if the application has several. Default: the one that {@code redis.uri}
     * or {@code redis.uris} names.
     *
     * @param server a name under {@code redis.servers}
     */
    public void setServer(String server) {
        this.server = server;
    }
}
