package io.github.micronautratelimit.hazelcast;

import java.util.Optional;

import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.micronaut.context.annotation.ConfigurationProperties;

/**
 * Which Hazelcast instance keeps the keys. Nothing need be set if the application has one {@code HazelcastInstance} bean.
 */
@ConfigurationProperties(HazelcastConfiguration.PREFIX)
public class HazelcastConfiguration {

    /** The prefix of these settings. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".hazelcast";

    private Optional<Mode> mode = Optional.empty();
    private Optional<String> config = Optional.empty();
    private Optional<String> instance = Optional.empty();

    /** What an instance of the limiter's own is. */
    public enum Mode {

        /** It holds keys itself, together with the other members. */
        MEMBER,

        /** It asks members elsewhere. */
        CLIENT
    }

    /**
     * Whether to start an instance for the limiter alone.
     *
     * @return as what; empty if not set
     */
    public Optional<Mode> findMode() {
        return mode;
    }

    /**
     * Starts an instance for the limiter alone, as {@code member} or {@code client}, even if there is a
     * {@code HazelcastInstance} bean. Default: {@code member} if a configuration is named, else none is started.
     *
     * @param mode as what
     */
    public void setMode(Mode mode) {
        this.mode = Optional.of(mode);
    }

    /**
     * Where the configuration of the limiter's own instance is.
     *
     * @return a resource; empty if not set
     */
    public Optional<String> findConfig() {
        return config;
    }

    /**
     * The configuration of the limiter's own instance. Default: where Hazelcast looks for one, for example
     * {@code hazelcast.yaml} or {@code hazelcast-client.yaml} on the class path.
     *
     * @param config a resource that ends in {@code .yaml}, {@code .yml} or {@code .xml}, such as
     *               {@code classpath:limits.yaml} or {@code file:/etc/limits.xml}
     */
    public void setConfig(String config) {
        this.config = Optional.of(config);
    }

    /**
     * Which of the application's instances to use.
     *
     * @return a name; empty if not set
     */
    public Optional<String> findInstance() {
        return instance;
    }

    /**
     * Which of the application's instances to use: the name of a {@code HazelcastInstance} bean, or of an instance that was
     * started otherwise. Default: the only bean.
     *
     * @param instance the name
     */
    public void setInstance(String instance) {
        this.instance = Optional.of(instance);
    }
}
