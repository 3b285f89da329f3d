package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.io.InputStream;

import org.jspecify.annotations.Nullable;

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

import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.io.ResourceResolver;

/** A Hazelcast instance for the limiter alone, as it is configured, but such that no call waits for long. */
final class OwnInstance {

    private final HazelcastConfiguration configuration;
    private final ResourceResolver resources;

    OwnInstance(HazelcastConfiguration configuration, ResourceResolver resources) {
        this.configuration = configuration;
        this.resources = resources;
    }

    HazelcastInstance start() {
        try {
            return configuration.findMode().orElse(HazelcastConfiguration.Mode.MEMBER) == HazelcastConfiguration.Mode.MEMBER
                    ? Hazelcast.newHazelcastInstance(member()) : HazelcastClient.newHazelcastClient(client());
        } catch (HazelcastException | IllegalStateException e) {
            throw new ConfigurationException("The Hazelcast instance of " + HazelcastConfiguration.PREFIX
                    + " did not start: " + e.getMessage(), e);
        }
    }

    private Config member() {
        Config config = read(in -> new YamlConfigBuilder(in).build(), in -> new XmlConfigBuilder(in).build(), Config::load);
        setUnlessSet(config, "hazelcast.phone.home.enabled", "false");
        setUnlessSet(config, "hazelcast.logging.type", "slf4j");
        // The application shuts it down, after the last request and not beside it.
        setUnlessSet(config, "hazelcast.shutdownhook.enabled", "false");
        return config;
    }

    private static void setUnlessSet(Config config, String property, String value) {
        if (config.getProperty(property) == null) {
            config.setProperty(property, value);
        }
    }

    private ClientConfig client() {
        ClientConfig config = read(in -> new YamlClientConfigBuilder(in).build(),
                in -> new XmlClientConfigBuilder(in).build(), ClientConfig::load);
        // While there is no connection, at the start or later, calls fail at once instead of waiting for one.
        config.getConnectionStrategyConfig().setReconnectMode(ReconnectMode.ASYNC).setAsyncStart(true);
        if (config.getProperty("hazelcast.client.invocation.timeout.seconds") == null) {
            config.setProperty("hazelcast.client.invocation.timeout.seconds", "5");
        }
        if (config.getProperty("hazelcast.logging.type") == null) {
            config.setProperty("hazelcast.logging.type", "slf4j");
        }
        return config;
    }

    private interface Reader<C> {

        C read(InputStream in) throws IOException;
    }

    private interface Default<C> {

        C load();
    }

    private <C> C read(Reader<C> yaml, Reader<C> xml, Default<C> otherwise) {
        String place = configuration.findConfig().orElse("");
        if (place.isEmpty()) {
            return otherwise.load();
        }
        if (!place.matches(".*\\.(yaml|yml|xml)")) {
            throw refused(place, "it does not end in .yaml, .yml or .xml", null);
        }
        try (InputStream in = resources.getResourceAsStream(place).orElseThrow(() ->
                refused(place, "there is no such resource; write one like classpath:limits.yaml", null))) {
            return (place.endsWith(".xml") ? xml : yaml).read(in);
        } catch (IOException | HazelcastException e) {
            throw refused(place, "it could not be read: " + e.getMessage(), e);
        }
    }

    private static ConfigurationException refused(String place, String why,
                                                  @Nullable Throwable cause) {
        return new ConfigurationException(
                HazelcastConfiguration.PREFIX + ".config = \"" + place + "\": " + why + ".", cause);
    }
}
