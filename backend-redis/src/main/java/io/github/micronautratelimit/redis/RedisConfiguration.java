package io.github.micronautratelimit.redis;

import java.util.Optional;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.micronaut.context.annotation.ConfigurationProperties;

/**
 * The settings of the Redis backend. Where Redis is, is said by the application's own Redis settings.
 */
@ConfigurationProperties(RedisConfiguration.PREFIX)
public class RedisConfiguration {

    /** The prefix of all settings. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".redis";

    private @Nullable String server;

    /**
     * Which of several Redis servers keeps the limits.
     *
     * @return a name under {@code redis.servers}; empty for the one that {@code redis.uri} or {@code redis.uris} names
     */
    public Optional<String> getServer() {
        return Optional.ofNullable(server);
    }

    /**
     * Which of several Redis servers keeps the limits. Default: the one that {@code redis.uri} or {@code redis.uris}
     * names.
     *
     * @param server a name under {@code redis.servers}
     */
    public void setServer(String server) {
        this.server = server;
    }
}
