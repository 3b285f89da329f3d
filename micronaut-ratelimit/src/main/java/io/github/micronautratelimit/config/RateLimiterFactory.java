package io.github.micronautratelimit.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.KeySecret;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.core.annotation.AnnotationUtil;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/** Chooses the backend and makes the limiter. */
@Factory
@RequiresRateLimit
final class RateLimiterFactory {

    private static final String MEMORY = "memory";

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

    @Context
    RateLimiter rateLimiter(BeanContext beans, RateLimitConfiguration configuration,
                            List<RateLimitListener> listeners, @Nullable KeySecret secret) {
        RateLimitBackend backend = beans.getBean(chosen(beans, configuration));
        if (backend instanceof MemoryBackend) {
            return new RateLimiter(backend, listeners, secret);
        }
        try {
            return new RateLimiter(new Guard(backend, configuration.getDeadline(), listeners), listeners, secret);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("ratelimit.deadline: " + e.getMessage(), e);
        }
    }

    private static BeanDefinition<RateLimitBackend> chosen(BeanContext beans, RateLimitConfiguration configuration) {
        Map<String, BeanDefinition<RateLimitBackend>> byName = byName(beans.getBeanDefinitions(RateLimitBackend.class));
        String wanted = configuration.getBackend();
        if (wanted != null) {
            BeanDefinition<RateLimitBackend> found = byName.get(wanted);
            if (found == null) {
                throw new ConfigurationException("ratelimit.backend = \"" + wanted
                        + "\": there is no such backend; add its module, or write one of " + byName.keySet() + ".");
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

    private static Map<String, BeanDefinition<RateLimitBackend>> byName(
            Collection<BeanDefinition<RateLimitBackend>> definitions) {
        Map<String, BeanDefinition<RateLimitBackend>> byName = new TreeMap<>();
        for (BeanDefinition<RateLimitBackend> definition : definitions) {
            byName.put(definition.stringValue(AnnotationUtil.NAMED).orElse(definition.getBeanType().getSimpleName()),
                    definition);
        }
        return byName;
    }
}
