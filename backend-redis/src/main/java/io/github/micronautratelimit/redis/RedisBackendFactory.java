package io.github.micronautratelimit.redis;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.config.PolicyConfiguration;
import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import io.lettuce.core.resource.ClientResources;
import io.micronaut.configuration.lettuce.AbstractRedisConfiguration;
import io.micronaut.configuration.lettuce.DefaultRedisConfiguration;
import io.micronaut.configuration.lettuce.NamedRedisServersConfiguration;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Primary;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.BeanCreationException;
import io.micronaut.context.exceptions.ConfigurationException;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import reactor.core.scheduler.Schedulers;

/** Makes the backend where the application's own settings say that Redis is. */
@Factory
@RequiresRateLimit
@Requires(property = RateLimitConfiguration.PREFIX + ".backend", value = RedisBackendFactory.REDIS,
        defaultValue = RedisBackendFactory.REDIS)
@Requires(condition = RedisConfigured.class)
final class RedisBackendFactory {

    static final String REDIS = "redis";
    private static final String SERVER = RedisConfiguration.PREFIX + ".server";
    private static final Pattern OF_ANOTHER_SETTING =
            Pattern.compile("property value \\[[^]]*(?<!\\.uri)(?<!\\.uris)]");
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(1);

    @Singleton
    @Bean(preDestroy = "close")
    RedisConnection connection(ApplicationContext context, RedisConfiguration redis,
                               RateLimitConfiguration configuration, List<PolicyConfiguration> policies,
                               @Primary Optional<ClientResources> resources, Optional<SslOptions> ssl) {
        ConnectionOptions options = new ConnectionOptions(deadline(configuration, policies), ssl.orElse(null));
        RedisConnection connection =
                new RedisConnection(readable(context, redis), options, resources.orElse(null), RedisBackend::load);
        if (!Schedulers.isInNonBlockingThread()) {
            connection.awaitFirstTry(LONGEST_WAIT);
        }
        return connection;
    }

    /** The longest that anybody waits for. */
    private static Duration deadline(RateLimitConfiguration configuration, List<PolicyConfiguration> policies) {
        Duration general = configuration.findDeadline().orElse(RateLimitBackend.DEFAULT_DEADLINE);
        return policies.stream().flatMap(policy -> policy.findDeadline().stream()).max(Comparator.naturalOrder())
                .filter(longest -> longest.compareTo(general) > 0).orElse(general);
    }

    @Singleton
    @Named(REDIS)
    @Bean(typed = {RedisBackend.class, RateLimitBackend.class}, preDestroy = "close")
    RedisBackend backend(RedisConnection connection, RateLimitConfiguration configuration) {
        return new RedisBackend(connection, connection.isCluster(), configuration.getNamespace());
    }

    /** A value that cannot be read stays untold: a password may be in it. */
    private static RedisLocation readable(ApplicationContext context, RedisConfiguration redis) {
        try {
            return location(context, redis);
        } catch (BeanCreationException e) {
            if (OF_ANOTHER_SETTING.matcher(String.valueOf(e.getMessage())).find()) {
                throw e;
            }
            throw noAddress("redis.uri, or another uri under redis,");
        }
    }

    private static RedisLocation location(ApplicationContext context, RedisConfiguration redis) {
        Map<String, NamedRedisServersConfiguration> servers = new TreeMap<>();
        context.getBeansOfType(NamedRedisServersConfiguration.class)
                .forEach(server -> servers.put(server.getName(), server));
        if (redis.getServer().isPresent()) {
            return named(context, redis.getServer().get(), servers);
        }
        if (RedisConfigured.isLocated(context)) {
            return of(context, context.getBean(DefaultRedisConfiguration.class), REDIS);
        }
        if (context.containsProperty(RedisConfigured.URL)) {
            return ofUrl(context.getRequiredProperty(RedisConfigured.URL, String.class));
        }
        if (!servers.isEmpty()) {
            throw new ConfigurationException(
                    SERVER + " is missing; write which of " + servers.keySet() + " keeps the rate limits.");
        }
        throw new ConfigurationException("ratelimit.backend = \"redis\": no setting says where Redis is; write "
                + "redis.uri, such as redis://localhost:6379, or redis.uris for a cluster, or set REDIS_URL in the "
                + "environment.");
    }

    private static RedisLocation named(ApplicationContext context, String name,
                                       Map<String, NamedRedisServersConfiguration> servers) {
        NamedRedisServersConfiguration server = servers.get(name);
        if (server == null) {
            throw new ConfigurationException(SERVER + " = \"" + name + "\": there is no such server; write "
                    + (servers.isEmpty() ? "redis.servers." + name + ".uri." : "one of " + servers.keySet() + "."));
        }
        return of(context, server, RedisConfigured.SERVERS + "." + name);
    }

    private static RedisLocation of(ApplicationContext context, AbstractRedisConfiguration settings, String prefix) {
        String uris = prefix + ".uris";
        if (!settings.getUris().isEmpty()) {
            return new RedisLocation(uris, settings.getUris(), true);
        }
        // Micronaut leaves out of a list what it cannot read.
        if (context.containsProperties(uris)) {
            throw noAddress(uris);
        }
        return settings.getUri().map(uri -> new RedisLocation(prefix + ".uri", List.of(uri), false))
                .orElseGet(() -> new RedisLocation(prefix + ".host", List.of(settings), false));
    }

    private static RedisLocation ofUrl(String url) {
        try {
            return new RedisLocation("REDIS_URL", List.of(RedisURI.create(url)), false);
        } catch (IllegalArgumentException e) {
            throw noAddress("REDIS_URL");
        }
    }

    private static ConfigurationException noAddress(String setting) {
        return new ConfigurationException(setting + " is no address of Redis; write one such as "
                + "redis://user:password@host:6379, or rediss:// for TLS, with %20 for a space and so on.");
    }
}
