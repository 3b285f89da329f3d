package io.github.micronautratelimit.redis;

import java.util.List;

import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.micronaut.context.condition.Condition;
import io.micronaut.context.condition.ConditionContext;
import io.micronaut.core.value.PropertyResolver;

/** Whether some setting says where Redis is, or says that it decides. */
final class RedisConfigured implements Condition {

    static final String URL = "redis.url";
    static final String SERVERS = "redis.servers";
    private static final List<String> LOCATIONS = List.of("redis.uri", "redis.uris", "redis.host", "redis.socket");

    @Override
    public boolean matches(@SuppressWarnings("rawtypes") ConditionContext context) {
        return context.containsProperty(RateLimitConfiguration.PREFIX + ".backend")
                || context.containsProperty(RedisConfiguration.PREFIX + ".server")
                || context.containsProperties(SERVERS)
                || isLocated(context)
                || context.containsProperty(URL) && isEnabled(context);
    }

    /** Whether Micronaut's own settings say where its default server is. */
    static boolean isLocated(PropertyResolver settings) {
        return isEnabled(settings) && (LOCATIONS.stream().anyMatch(settings::containsProperties)
                // Kubernetes sets REDIS_PORT=tcp://... of a service that is called redis.
                || settings.getProperty("redis.port", Integer.class).isPresent());
    }

    private static boolean isEnabled(PropertyResolver settings) {
        return settings.getProperty("redis.enabled", Boolean.class).orElse(true);
    }
}
