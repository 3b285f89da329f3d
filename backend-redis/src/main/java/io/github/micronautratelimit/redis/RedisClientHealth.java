package io.github.micronautratelimit.redis;

import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.cluster.RedisClusterClient;
import io.micronaut.configuration.lettuce.health.RedisHealthIndicator;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.management.endpoint.health.HealthEndpoint;
import io.micronaut.management.health.aggregator.HealthAggregator;
import io.micronaut.management.health.indicator.HealthIndicator;
import io.micronaut.management.health.indicator.HealthResult;
import io.micronaut.scheduling.TaskExecutors;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/**
 * Reports the health of Micronaut's Redis clients only if the application uses one.
 *
 * <p>Micronaut's own indicator creates a client to check it, and is {@code DOWN} during an outage of Redis even if only
 * the limiter uses Redis. The limiter has its own indicator, which is not {@code DOWN} by default. With the property
 * {@code redis.health.enabled}, Micronaut's indicator decides alone.
 */
@Singleton
@Replaces(RedisHealthIndicator.class)
@Requires(beans = {HealthEndpoint.class, RedisBackend.class})
@Requires(missingProperty = RedisClientHealth.ENABLED)
final class RedisClientHealth implements HealthIndicator {

    static final String ENABLED = "redis.health.enabled";

    /** The package of the beans that provide clients, and do not use them by themselves. */
    private static final String MICRONAUT_REDIS = "io.micronaut.configuration.lettuce.";

    private static final List<String> USES_OF_MICRONAUT_REDIS = List.of("redis.caches", "redis.cache");
    private static final String SESSIONS = "micronaut.session.http.redis.enabled";

    private final ApplicationContext context;
    private final ExecutorService executor;
    private final HealthAggregator<?> aggregator;
    private volatile @Nullable HealthIndicator clients;

    RedisClientHealth(
            ApplicationContext context,
            @Named(TaskExecutors.IO) ExecutorService executor,
            HealthAggregator<?> aggregator) {
        this.context = context;
        this.executor = executor;
        this.aggregator = aggregator;
    }

    @Override
    public Publisher<HealthResult> getResult() {
        HealthIndicator used = clients;
        if (used == null && isUsed()) {
            used = new RedisHealthIndicator(
                    context,
                    executor,
                    aggregator,
                    context.getBeansOfType(RedisClient.class).toArray(RedisClient[]::new),
                    context.getBeansOfType(RedisClusterClient.class).toArray(RedisClusterClient[]::new));
            clients = used;
        }
        return used == null ? Mono.empty() : used.getResult();
    }

    /** Returns whether a bean is injected with a client or has looked one up, or Micronaut Redis uses one itself. */
    private boolean isUsed() {
        return USES_OF_MICRONAUT_REDIS.stream().anyMatch(context::containsProperties)
                || context.getProperty(SESSIONS, Boolean.class).orElse(false)
                || !context.getActiveBeanRegistrations(AbstractRedisClient.class)
                        .isEmpty()
                || context.getAllBeanDefinitions().stream().anyMatch(RedisClientHealth::usesClient);
    }

    private static boolean usesClient(BeanDefinition<?> definition) {
        String declaring = definition.getDeclaringType().map(Class::getName).orElse(definition.getName());
        return !declaring.startsWith(MICRONAUT_REDIS)
                && definition.getRequiredComponents().stream()
                        .anyMatch(type -> AbstractRedisClient.class.isAssignableFrom(type)
                                || StatefulConnection.class.isAssignableFrom(type));
    }
}
