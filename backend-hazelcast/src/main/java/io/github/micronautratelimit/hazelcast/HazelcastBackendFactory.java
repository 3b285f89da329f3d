package io.github.micronautratelimit.hazelcast;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.client.config.ClientConnectionStrategyConfig.ReconnectMode;
import com.hazelcast.client.config.XmlClientConfigBuilder;
import com.hazelcast.client.config.YamlClientConfigBuilder;
import com.hazelcast.config.Config;
import com.hazelcast.config.XmlConfigBuilder;
import com.hazelcast.config.YamlConfigBuilder;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastException;
import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.configuration.BackendWarnings;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.context.BeanProvider;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.condition.Condition;
import io.micronaut.context.condition.ConditionContext;
import io.micronaut.context.event.BeanCreatedEventListener;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.io.ResourceResolver;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Creates the backend on a Hazelcast instance of the application, or on one that is started for the limiter alone. */
@Factory
@RequiresRateLimit
final class HazelcastBackendFactory {

    private static final String NAME = "hazelcast";

    private final HazelcastConfiguration configuration;
    private final ResourceResolver resources;

    HazelcastBackendFactory(HazelcastConfiguration configuration, ResourceResolver resources) {
        this.configuration = configuration;
        this.resources = resources;
    }

    @Singleton
    @Named(NAME)
    @Bean(preDestroy = "close", typed = RateLimitBackend.class)
    @Requires(condition = IsConfigured.class)
    RateLimitBackend hazelcastBackend(RateLimitConfiguration settings, BackendWarnings warnings, BeanContext beans) {
        boolean own = configuration.findInstance().isEmpty()
                && (configuration.findMode().isPresent()
                        || configuration.findConfig().isPresent());
        HazelcastInstance instance = own
                ? start(settings.getNamespace())
                : configuration.findInstance().map(name -> named(name, beans)).orElseGet(() -> only(beans));
        return new HazelcastBackend(instance, settings.getNamespace(), null, own, warnings::warn);
    }

    /** Configures the map on members that the application starts from a {@code Config} bean. */
    @Singleton
    @Requires(condition = IsConfigured.class)
    BeanCreatedEventListener<Config> hazelcastMapConfiguration(BeanProvider<RateLimitConfiguration> settings) {
        return created -> {
            RateLimitMapConfig.addTo(
                    created.getBean(),
                    RateLimitMapConfig.NAME_PREFIX + settings.get().getNamespace());
            return created.getBean();
        };
    }

    private static HazelcastInstance named(String name, BeanContext beans) {
        HazelcastInstance found =
                beans.findBean(HazelcastInstance.class, Qualifiers.byName(name)).orElse(null);
        found = found == null ? Hazelcast.getHazelcastInstanceByName(name) : found;
        found = found == null ? HazelcastClient.getHazelcastClientByName(name) : found;
        if (found == null) {
            throw new ConfigurationException(HazelcastConfiguration.PREFIX + ".instance = \"" + name
                    + "\": no Hazelcast instance has this name; write the name of a HazelcastInstance bean.");
        }
        return found;
    }

    private static HazelcastInstance only(BeanContext beans) {
        int count = beans.getBeanDefinitions(HazelcastInstance.class).size();
        if (count == 0) {
            throw new ConfigurationException(RateLimitConfiguration.PREFIX + ".backend = \"" + NAME
                    + "\": the application has no HazelcastInstance bean; define one, or set "
                    + HazelcastConfiguration.PREFIX
                    + ".mode to member or client.");
        }
        if (count > 1) {
            throw new ConfigurationException("There are " + count + " HazelcastInstance beans; select one with "
                    + HazelcastConfiguration.PREFIX + ".instance.");
        }
        return beans.getBean(HazelcastInstance.class);
    }

    private HazelcastInstance start(String namespace) {
        try {
            return configuration.findMode().orElse(HazelcastConfiguration.Mode.MEMBER)
                            == HazelcastConfiguration.Mode.MEMBER
                    ? Hazelcast.newHazelcastInstance(memberConfig(namespace))
                    : HazelcastClient.newHazelcastClient(clientConfig());
        } catch (HazelcastException | IllegalStateException e) {
            throw new ConfigurationException(
                    "The Hazelcast instance of " + HazelcastConfiguration.PREFIX + " did not start: " + e.getMessage(),
                    e);
        }
    }

    private Config memberConfig(String namespace) {
        Config config =
                read(in -> new YamlConfigBuilder(in).build(), in -> new XmlConfigBuilder(in).build(), Config::load);
        setIfAbsent(config, "hazelcast.phone.home.enabled", "false");
        setIfAbsent(config, "hazelcast.logging.type", "slf4j");
        // The application shuts the instance down after the last request. A shutdown hook would run at the same time.
        setIfAbsent(config, "hazelcast.shutdownhook.enabled", "false");
        RateLimitMapConfig.addTo(config, RateLimitMapConfig.NAME_PREFIX + namespace);
        return config;
    }

    private static void setIfAbsent(Config config, String property, String value) {
        if (config.getProperty(property) == null) {
            config.setProperty(property, value);
        }
    }

    private ClientConfig clientConfig() {
        ClientConfig config = read(
                in -> new YamlClientConfigBuilder(in).build(),
                in -> new XmlClientConfigBuilder(in).build(),
                ClientConfig::load);
        // Without a connection, at the start or later, calls fail at once instead of waiting for one.
        config.getConnectionStrategyConfig()
                .setReconnectMode(ReconnectMode.ASYNC)
                .setAsyncStart(true);
        if (config.getProperty("hazelcast.client.invocation.timeout.seconds") == null) {
            config.setProperty("hazelcast.client.invocation.timeout.seconds", "5");
        }
        if (config.getProperty("hazelcast.logging.type") == null) {
            config.setProperty("hazelcast.logging.type", "slf4j");
        }
        return config;
    }

    private interface ConfigReader<C> {

        C read(InputStream in) throws IOException;
    }

    private <C> C read(ConfigReader<C> yaml, ConfigReader<C> xml, Supplier<C> defaultConfig) {
        String path = configuration.findConfig().orElse("");
        if (path.isEmpty()) {
            return defaultConfig.get();
        }
        if (!path.matches(".*\\.(yaml|yml|xml)")) {
            throw invalid(path, "it does not end in .yaml, .yml or .xml", null);
        }
        try (InputStream in = resources
                .getResourceAsStream(path)
                .orElseThrow(() ->
                        invalid(path, "the resource does not exist; write one such as classpath:limits.yaml", null))) {
            return (path.endsWith(".xml") ? xml : yaml).read(in);
        } catch (IOException | HazelcastException e) {
            throw invalid(path, "it could not be read: " + e.getMessage(), e);
        }
    }

    private static ConfigurationException invalid(String path, String reason, @Nullable Throwable cause) {
        return new ConfigurationException(
                HazelcastConfiguration.PREFIX + ".config = \"" + path + "\": " + reason + ".", cause);
    }

    /** Holds if the application has a Hazelcast instance, or a property selects this backend. */
    static final class IsConfigured implements Condition {

        @Override
        public boolean matches(@SuppressWarnings("rawtypes") ConditionContext context) {
            return context.containsProperty(HazelcastConfiguration.PREFIX + ".mode")
                    || context.containsProperty(HazelcastConfiguration.PREFIX + ".config")
                    || context.containsProperty(HazelcastConfiguration.PREFIX + ".instance")
                    || context.getProperty(RateLimitConfiguration.PREFIX + ".backend", String.class)
                            .filter(NAME::equals)
                            .isPresent()
                    || !context.getBeanContext()
                            .getBeanDefinitions(HazelcastInstance.class)
                            .isEmpty();
        }
    }
}
