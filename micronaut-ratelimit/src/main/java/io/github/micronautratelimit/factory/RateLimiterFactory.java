package io.github.micronautratelimit.factory;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.RateLimiterBuilder;
import io.github.micronautratelimit.configuration.MemoryConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.observe.StoreListener;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.AnnotationUtil;
import io.micronaut.core.util.Toggleable;
import io.micronaut.inject.BeanDefinition;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Selects the backend and assembles the limiter. */
@Factory
@RequiresRateLimit
final class RateLimiterFactory {

    private static final String MEMORY = "memory";
    private static final List<String> MODULES = List.of("redis", "hazelcast", "dynamodb");

    @Singleton
    MicroClock clock() {
        return MicroClock.system();
    }

    @Singleton
    @Named(MEMORY)
    @Bean(
            preDestroy = "close",
            typed = {MemoryBackend.class, RateLimitBackend.class})
    MemoryBackend memoryBackend(MemoryConfiguration configuration, MicroClock clock) {
        try {
            return new MemoryBackend(clock, configuration.getMaxKeys());
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("ratelimit.memory.max-keys: " + e.getMessage(), e);
        }
    }

    /** The enabled listeners in their order. */
    record OrderedListeners(List<RateLimitListener> listeners) {}

    @Singleton
    OrderedListeners ordered(List<RateLimitListener> listeners) {
        return new OrderedListeners(listeners.stream()
                .filter(listener -> !(listener instanceof Toggleable toggle) || toggle.isEnabled())
                .toList());
    }

    @Singleton
    SelectedBackend selectedBackend(BeanContext beans, RateLimitConfiguration configuration) {
        BeanDefinition<RateLimitBackend> selected = selected(beans, configuration);
        return new SelectedBackend(nameOf(selected), beans.getBean(selected));
    }

    @Context
    @Bean(preDestroy = "close")
    RateLimiter rateLimiter(
            SelectedBackend selected,
            RateLimitConfiguration configuration,
            MicroClock clock,
            OrderedListeners ordered,
            List<StoreListener> storeListeners,
            ConfigurationWarnings warnings,
            KeyHash.@Nullable Secret secret) {
        if (secret == null && !selected.backend().isLocal()) {
            warnings.warn(ConfigurationWarning.SECRET_MISSING, selected.name());
        }
        RateLimiterBuilder builder = RateLimiter.builder(selected.backend())
                .name(selected.name())
                .instances(configuration.getInstances())
                .denyCache(configuration.getDenyCache())
                .clock(clock)
                .listeners(ordered.listeners())
                .storeListeners(storeListeners)
                .keySecret(secret)
                .warmUp();
        configuration.findDeadline().ifPresent(builder::deadline);
        try {
            builder.maxWaiting(configuration.getMaxWaitingPerKey(), configuration.getMaxWaiting());
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(
                    "ratelimit.max-waiting or ratelimit.max-waiting-per-key: " + e.getMessage(), e);
        }
        try {
            return builder.build();
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("ratelimit.deadline or ratelimit.instances: " + e.getMessage(), e);
        }
    }

    private static BeanDefinition<RateLimitBackend> selected(BeanContext beans, RateLimitConfiguration configuration) {
        Map<String, BeanDefinition<RateLimitBackend>> byName = new TreeMap<>();
        for (BeanDefinition<RateLimitBackend> definition : beans.getBeanDefinitions(RateLimitBackend.class)) {
            byName.put(nameOf(definition), definition);
        }
        return configuration.getBackend() == null ? only(byName) : named(configuration.getBackend(), byName);
    }

    private static BeanDefinition<RateLimitBackend> named(
            String name, Map<String, BeanDefinition<RateLimitBackend>> byName) {
        BeanDefinition<RateLimitBackend> found = byName.get(name);
        if (found == null) {
            throw new ConfigurationException("ratelimit.backend = \"" + name + "\" does not exist; "
                    + (MODULES.contains(name)
                            ? "add the dependency io.github.micronautratelimit:micronaut-ratelimit-" + name
                            : "add its module (one of " + MODULES + ")")
                    + ", or write one of " + byName.keySet() + ".");
        }
        return found;
    }

    private static BeanDefinition<RateLimitBackend> only(Map<String, BeanDefinition<RateLimitBackend>> byName) {
        List<String> stores = new ArrayList<>(byName.keySet());
        stores.remove(MEMORY);
        if (stores.size() > 1) {
            throw new ConfigurationException(
                    "There are several rate limit backends: " + stores + "; select one with ratelimit.backend.");
        }
        BeanDefinition<RateLimitBackend> only = byName.get(stores.isEmpty() ? MEMORY : stores.get(0));
        if (only == null) {
            throw new ConfigurationException(
                    "No rate limit backend was found; add one of the modules " + MODULES + ".");
        }
        return only;
    }

    private static String nameOf(BeanDefinition<RateLimitBackend> definition) {
        return definition
                .stringValue(AnnotationUtil.NAMED)
                .orElse(definition.getBeanType().getSimpleName());
    }
}
