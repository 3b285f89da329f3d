package io.github.micronautratelimit.config;

import java.util.List;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.OnError;
import io.micronaut.context.annotation.EachProperty;
import io.micronaut.context.annotation.Parameter;

/**
 * A policy as it is configured under its name.
 */
@EachProperty(RateLimitConfiguration.PREFIX + ".policies")
public class PolicyConfiguration {

    private final String name;
    private List<String> limits = List.of();
    private @Nullable String key;
    private @Nullable OnError onError;

    /**
     * Made by the framework.
     *
     * @param name the policy's name, hyphenated
     */
    public PolicyConfiguration(@Parameter String name) {
        this.name = name;
    }

    /**
     * The policy's name.
     *
     * @return the name, hyphenated
     */
    public String getName() {
        return name;
    }

    /**
     * The limits.
     *
     * @return texts, each one or more limits
     */
    public List<String> getLimits() {
        return limits;
    }

    /**
     * The limits, for example {@code [10/s, 1000/h sliding]}. Required.
     *
     * @param limits texts, each one or more limits
     */
    public void setLimits(List<String> limits) {
        this.limits = List.copyOf(limits);
    }

    /**
     * The key where an annotation or a rule names none.
     *
     * @return a key template, or {@code null}
     */
    public @Nullable String getKey() {
        return key;
    }

    /**
     * The key where an annotation or a rule names none. Default: ratelimit.default-key.
     *
     * @param key a key template
     */
    public void setKey(String key) {
        this.key = key;
    }

    /**
     * What to answer while the store cannot be asked.
     *
     * @return the answer, or {@code null}
     */
    public @Nullable OnError getOnError() {
        return onError;
    }

    /**
     * What to answer while the store cannot be asked: {@code open}, {@code closed} or {@code local}. Default: what the
     * annotation says, else ratelimit.on-error.
     *
     * @param onError the answer
     */
    public void setOnError(OnError onError) {
        this.onError = onError;
    }
}
