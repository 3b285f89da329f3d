package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.configuration.PolicyConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import io.lettuce.core.resource.ClientResources;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.Qualifier;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Primary;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.condition.Condition;
import io.micronaut.context.condition.ConditionContext;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.type.Argument;
import io.micronaut.core.value.PropertyResolver;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import reactor.core.scheduler.Schedulers;

/**
 * Creates the backend of a Micronaut application. The address of Redis comes from the properties that Micronaut Redis
 * uses too.
 *
 * <p>{@code uri} and {@code uris} are read here. Single properties such as {@code redis.host} are read by Micronaut
 * Redis, whose configuration beans are {@link RedisURI}s, so only they need {@code micronaut-redis-lettuce}.
 */
@Factory
@RequiresRateLimit
@Requires(
        property = RateLimitConfiguration.PREFIX + ".backend",
        value = RedisBackendFactory.REDIS,
        defaultValue = RedisBackendFactory.REDIS)
@Requires(condition = RedisBackendFactory.Configured.class)
final class RedisBackendFactory {

    static final String REDIS = "redis";
    private static final String URL = "redis.url";
    private static final String SERVERS = "redis.servers";
    private static final String SERVER = RedisConfiguration.PREFIX + ".server";
    private static final Duration MAX_CONNECT_WAIT = Duration.ofSeconds(1);

    /** Matches if a property names a Redis server, or selects Redis as the backend. */
    static final class Configured implements Condition {

        private static final List<String> ADDRESSES = List.of("redis.uri", "redis.uris", "redis.host", "redis.socket");

        @Override
        public boolean matches(@SuppressWarnings("rawtypes") ConditionContext context) {
            return context.containsProperty(RateLimitConfiguration.PREFIX + ".backend")
                    || context.containsProperty(SERVER)
                    || context.containsProperties(SERVERS)
                    || hasDefaultServer(context)
                    || context.containsProperty(URL) && isEnabled(context);
        }

        /** Returns whether the properties of Micronaut Redis name its default server. */
        static boolean hasDefaultServer(PropertyResolver properties) {
            return isEnabled(properties)
                    && (ADDRESSES.stream().anyMatch(properties::containsProperties)
                            // For a service that is called redis, Kubernetes sets REDIS_PORT=tcp://...
                            || properties
                                    .getProperty("redis.port", Integer.class)
                                    .isPresent());
        }

        private static boolean isEnabled(PropertyResolver properties) {
            return properties.getProperty("redis.enabled", Boolean.class).orElse(true);
        }
    }

    @Singleton
    @Named(REDIS)
    @Bean(
            typed = {RedisBackend.class, RateLimitBackend.class},
            preDestroy = "close")
    RedisBackend backend(
            ApplicationContext context,
            RedisConfiguration redis,
            RateLimitConfiguration configuration,
            List<PolicyConfiguration> policies,
            @Primary Optional<ClientResources> resources,
            Optional<SslOptions> ssl) {
        // No caller waits that long: the guard answers at the deadline.
        RedisConnectionSettings settings = settings(context, redis)
                .withOptions(longestDeadline(configuration, policies).multipliedBy(2), ssl.orElse(null));
        RedisConnection connection = new RedisConnection(settings, resources.orElse(null), RedisBackend::loadScripts);
        if (!Schedulers.isInNonBlockingThread()) {
            connection.awaitFirstAttempt(MAX_CONNECT_WAIT);
        }
        return new RedisBackend(connection, configuration.getNamespace());
    }

    private static Duration longestDeadline(RateLimitConfiguration configuration, List<PolicyConfiguration> policies) {
        Duration general = configuration.findDeadline().orElse(RateLimitBackend.DEFAULT_DEADLINE);
        return policies.stream()
                .flatMap(policy -> policy.findDeadline().stream())
                .max(Comparator.naturalOrder())
                .filter(longest -> longest.compareTo(general) > 0)
                .orElse(general);
    }

    private static RedisConnectionSettings settings(ApplicationContext context, RedisConfiguration redis) {
        try {
            SortedSet<String> servers = new TreeSet<>(context.getPropertyEntries(SERVERS));
            if (redis.getServer().isPresent()) {
                return named(context, redis.getServer().get(), servers);
            }
            if (Configured.hasDefaultServer(context)) {
                return under(context, REDIS, null);
            }
            if (context.containsProperty(URL)) {
                return RedisConnectionSettings.parse(
                        "REDIS_URL", List.of(context.getRequiredProperty(URL, String.class)), false);
            }
            throw noServer(servers);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(e.getMessage());
        }
    }

    private static ConfigurationException noServer(SortedSet<String> servers) {
        return new ConfigurationException(
                servers.isEmpty()
                        ? "ratelimit.backend = \"redis\": no property names a Redis server; write redis.uri, for "
                                + "example redis://localhost:6379, or redis.uris for a cluster, or set REDIS_URL in "
                                + "the environment."
                        : SERVER + " is missing; write which of " + servers + " keeps the rate limits.");
    }

    private static RedisConnectionSettings named(ApplicationContext context, String name, SortedSet<String> servers) {
        if (!servers.contains(name)) {
            throw new ConfigurationException(SERVER + " = \"" + name + "\": unknown server; write "
                    + (servers.isEmpty() ? SERVERS + "." + name + ".uri." : "one of " + servers + "."));
        }
        return under(context, SERVERS + "." + name, Qualifiers.byName(name));
    }

    private static RedisConnectionSettings under(
            ApplicationContext context, String prefix, @Nullable Qualifier<RedisURI> qualifier) {
        String uris = prefix + ".uris";
        if (context.containsProperties(uris)) {
            return RedisConnectionSettings.parse(
                    uris,
                    context.getProperty(uris, Argument.listOf(String.class)).orElse(List.of()),
                    true);
        }
        String uri = prefix + ".uri";
        if (context.containsProperty(uri)) {
            return RedisConnectionSettings.parse(uri, List.of(context.getRequiredProperty(uri, String.class)), false);
        }
        RedisURI address = context.findBean(RedisURI.class, qualifier)
                .orElseThrow(() -> new ConfigurationException(prefix + " has no uri; write " + uri
                        + ", or add the dependency io.micronaut.redis:micronaut-redis-lettuce, which reads " + prefix
                        + ".host and other single properties."));
        return RedisConnectionSettings.of(prefix + ".host", List.of(address), false);
    }
}
