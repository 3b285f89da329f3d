package io.github.micronautratelimit.hazelcast;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.condition.Condition;
import io.micronaut.context.condition.ConditionContext;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.io.ResourceResolver;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/** Makes the backend on the application's Hazelcast instance, or on one of its own. */
@Factory
@RequiresRateLimit
final class HazelcastBackendFactory {

    private static final String NAME = "hazelcast";

    @Singleton
    @Named(NAME)
    @Bean(preDestroy = "close", typed = RateLimitBackend.class)
    @Requires(condition = Wanted.class)
    RateLimitBackend hazelcastBackend(HazelcastConfiguration configuration, RateLimitConfiguration settings,
                                      BeanContext beans, ResourceResolver resources) {
        boolean own = configuration.findInstance().isEmpty()
                && (configuration.findMode().isPresent() || configuration.findConfig().isPresent());
        HazelcastInstance instance = own ? new OwnInstance(configuration, resources).start()
                : configuration.findInstance().map(name -> named(name, beans)).orElseGet(() -> only(beans));
        try {
            HazelcastBackend backend = new HazelcastBackend(instance, settings.getNamespace(), null, own);
            return new Coalescer(backend, settings.findDeadline().orElseGet(backend::deadline));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("ratelimit.deadline: " + e.getMessage(), e);
        }
    }

    private static HazelcastInstance named(String name, BeanContext beans) {
        HazelcastInstance found = beans.findBean(HazelcastInstance.class, Qualifiers.byName(name)).orElse(null);
        found = found == null ? Hazelcast.getHazelcastInstanceByName(name) : found;
        found = found == null ? HazelcastClient.getHazelcastClientByName(name) : found;
        if (found == null) {
            throw new ConfigurationException(HazelcastConfiguration.PREFIX + ".instance = \"" + name
                    + "\": there is no Hazelcast instance of that name; write the name of a HazelcastInstance bean.");
        }
        return found;
    }

    private static HazelcastInstance only(BeanContext beans) {
        int count = beans.getBeanDefinitions(HazelcastInstance.class).size();
        if (count == 0) {
            throw new ConfigurationException(RateLimitConfiguration.PREFIX + ".backend = \"" + NAME
                    + "\": there is no HazelcastInstance bean; make one, or set " + HazelcastConfiguration.PREFIX
                    + ".mode to member or client.");
        }
        if (count > 1) {
            throw new ConfigurationException("There are " + count + " HazelcastInstance beans; say which one keeps the "
                    + "limits with " + HazelcastConfiguration.PREFIX + ".instance.");
        }
        return beans.getBean(HazelcastInstance.class);
    }

    /** Whether anything asks for this backend: an instance that is there, or a setting. */
    static final class Wanted implements Condition {

        @Override
        public boolean matches(@SuppressWarnings("rawtypes") ConditionContext context) {
            return context.containsProperty(HazelcastConfiguration.PREFIX + ".mode")
                    || context.containsProperty(HazelcastConfiguration.PREFIX + ".config")
                    || context.containsProperty(HazelcastConfiguration.PREFIX + ".instance")
                    || context.getProperty(RateLimitConfiguration.PREFIX + ".backend", String.class)
                            .filter(NAME::equals).isPresent()
                    || !context.getBeanContext().getBeanDefinitions(HazelcastInstance.class).isEmpty();
        }
    }
}
