package io.github.micronautratelimit.hazelcast;

import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.micronaut.context.annotation.ConfigurationProperties;
import java.util.Optional;

/**
 * Configures the Hazelcast instance that keeps the limits. If the application has one {@code HazelcastInstance} bean,
 * nothing needs to be set.
 */
@ConfigurationProperties(HazelcastConfiguration.PREFIX)
public class HazelcastConfiguration {

    /** The prefix of these settings. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".hazelcast";

    private Optional<Mode> mode = Optional.empty();
    private Optional<String> config = Optional.empty();
    private Optional<String> instance = Optional.empty();

    /** The kinds of an instance that is started for the limiter alone. */
    public enum Mode {

        /** Stores keys, together with the other members. */
        MEMBER,

        /** Calls members that run elsewhere. */
        CLIENT
    }

    /**
     * Returns the kind of the instance to start for the limiter alone.
     *
     * @return the kind; empty if not set
     */
    public Optional<Mode> findMode() {
        return mode;
    }

    /**
     * Starts an instance for the limiter alone, as {@code member} or {@code client}, even if there is a
     * {@code HazelcastInstance} bean. Default: {@code member} if {@code config} is set, otherwise none is started.
     *
     * @param mode the kind of the instance
     */
    public void setMode(Mode mode) {
        this.mode = Optional.of(mode);
    }

    /**
     * Returns the resource with the configuration of the instance that is started for the limiter alone.
     *
     * @return a resource; empty if not set
     */
    public Optional<String> findConfig() {
        return config;
    }

    /**
     * The configuration of the instance that is started for the limiter alone. Default: Hazelcast's own lookup, for
     * example {@code hazelcast.yaml} or {@code hazelcast-client.yaml} on the class path.
     *
     * @param config a resource that ends in {@code .yaml}, {@code .yml} or {@code .xml}, such as
     *               {@code classpath:limits.yaml} or {@code file:/etc/limits.xml}
     */
    public void setConfig(String config) {
        this.config = Optional.of(config);
    }

    /**
     * Returns the name of the instance to use.
     *
     * @return a name; empty if not set
     */
    public Optional<String> findInstance() {
        return instance;
    }

    /**
     * Selects one of several instances: the name of a {@code HazelcastInstance} bean, or of an instance started
     * elsewhere. Default: the only bean.
     *
     * @param instance the name
     */
    public void setInstance(String instance) {
        this.instance = Optional.of(instance);
    }
}
