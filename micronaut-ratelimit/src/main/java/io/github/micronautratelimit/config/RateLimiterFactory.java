package io.github.micronautratelimit.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.DenyCache;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.KeySecret;
import io.github.micronautratelimit.LocalLimit;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.ObservedStore;
import io.github.micronautratelimit.PermitLeases;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.StoreListener;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.core.annotation.AnnotationUtil;
import io.micronaut.core.util.Toggleable;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/** Chooses the backend and makes the limiter. */
@Factory
@RequiresRateLimit
final class RateLimiterFactory {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimiterFactory.class);
    private static final String MEMORY = "memory";
    private static final List<String> MODULES = List.of("redis", "hazelcast", "dynamodb");

    @Singleton
    MicroClock clock() {
        return MicroClock.system();
    }

    @Singleton
    @Named(MEMORY)
    @Bean(preDestroy = "close", typed = {MemoryBackend.class, RateLimitBackend.class})
    MemoryBackend memoryBackend(MemoryConfiguration configuration, MicroClock clock) {
        try {
            return new MemoryBackend(clock, configuration.getMaxKeys());
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("ratelimit.memory.max-keys: " + e.getMessage(), e);
        }
    }

    /** Who is told of decisions, in this order. */
    record OrderedListeners(List<RateLimitListener> listeners) {
    }

    @Singleton
    OrderedListeners ordered(List<RateLimitListener> listeners) {
        return new OrderedListeners(listeners.stream()
                .filter(listener -> !(listener instanceof Toggleable toggle) || toggle.isEnabled()).toList());
    }

    /** Memory cannot fail and needs nothing in front. */
    @Singleton
    @Bean(preDestroy = "close")
    ChosenBackend chosenBackend(BeanContext beans, RateLimitConfiguration configuration, MicroClock clock,
                                OrderedListeners ordered, List<StoreListener> storeListeners) {
        BeanDefinition<RateLimitBackend> chosen = chosen(beans, configuration);
        RateLimitBackend backend = beans.getBean(chosen);
        if (backend instanceof MemoryBackend) {
            LOG.info("Rate limits are decided by memory, by each instance of the application for itself.");
            return new ChosenBackend(MEMORY, null, null, backend);
        }
        LOG.info("Rate limits are decided by {}.", nameOf(chosen));
        RateLimitBackend store = storeListeners.isEmpty() ? backend
                : new ObservedStore(backend, nameOf(chosen), storeListeners);
        Guard guard = new Guard(store, nameOf(chosen),
                configuration.findDeadline().orElseGet(backend::deadline), configuration.getInstances(), clock,
                ordered.listeners());
        PermitLeases leases = new PermitLeases(guard, clock);
        RateLimitBackend front = new LocalLimit(leases, clock);
        Duration denyCache = configuration.getDenyCache();
        return new ChosenBackend(nameOf(chosen), guard, leases,
                denyCache.isZero() ? front : new DenyCache(front, clock, denyCache));
    }

    @Context
    RateLimiter rateLimiter(ChosenBackend chosen, OrderedListeners ordered, @Nullable KeySecret secret) {
        return new RateLimiter(chosen.front(), ordered.listeners(), secret);
    }

    private static BeanDefinition<RateLimitBackend> chosen(BeanContext beans, RateLimitConfiguration configuration) {
        Map<String, BeanDefinition<RateLimitBackend>> byName = byName(beans.getBeanDefinitions(RateLimitBackend.class));
        String wanted = configuration.getBackend();
        if (wanted != null) {
            BeanDefinition<RateLimitBackend> found = byName.get(wanted);
            if (found == null) {
                throw new ConfigurationException("ratelimit.backend = \"" + wanted + "\": there is no such backend; "
                        + (MODULES.contains(wanted) ? "add the dependency " + module(wanted)
                                : "add its module (there are " + MODULES + ")")
                        + ", or write one of " + byName.keySet() + ".");
            }
            return found;
        }
        List<String> stores = new ArrayList<>(byName.keySet());
        stores.remove(MEMORY);
        if (stores.size() > 1) {
            throw new ConfigurationException("There are several rate limit backends, " + stores
                    + "; say which one decides with ratelimit.backend.");
        }
        BeanDefinition<RateLimitBackend> only = byName.get(stores.isEmpty() ? MEMORY : stores.get(0));
        if (only == null) {
            throw new ConfigurationException("There is no rate limit backend; add one of the modules.");
        }
        return only;
    }

    private static String module(String backend) {
        return "io.github.micronautratelimit:micronaut-ratelimit-" + backend;
    }

    private static Map<String, BeanDefinition<RateLimitBackend>> byName(
            Collection<BeanDefinition<RateLimitBackend>> definitions) {
        Map<String, BeanDefinition<RateLimitBackend>> byName = new TreeMap<>();
        for (BeanDefinition<RateLimitBackend> definition : definitions) {
            byName.put(nameOf(definition), definition);
        }
        return byName;
    }

    private static String nameOf(BeanDefinition<RateLimitBackend> definition) {
        return definition.stringValue(AnnotationUtil.NAMED).orElse(definition.getBeanType().getSimpleName());
    }
}
