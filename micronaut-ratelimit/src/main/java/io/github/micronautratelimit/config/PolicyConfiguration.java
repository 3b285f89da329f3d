package io.github.micronautratelimit.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;

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
    private Optional<OnError> onError = Optional.empty();
    private List<Map<String, Object>> overrides = List.of();

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
     * What to answer while the store cannot be asked. Not called "get": the framework would take the setting for one that
     * may be null, and a misspelt value for none.
     *
     * @return the answer; empty if not set
     */
    public Optional<OnError> findOnError() {
        return onError;
    }

    /**
     * What to answer while the store cannot be asked: {@code open}, {@code closed} or {@code local}. Default: what the
     * annotation says, else ratelimit.on-error.
     *
     * @param onError the answer
     */
    public void setOnError(OnError onError) {
        this.onError = Optional.of(onError);
    }

    /**
     * The keys that have numbers of their own.
     *
     * @return for each, its "key" and its "limits"
     */
    public List<Map<String, Object>> getOverrides() {
        return overrides;
    }

    /**
     * The keys that have numbers of their own, for example {@code [{key: alice, limits: 1000/min}]}.
     *
     * @param overrides for each, its "key" and its "limits"
     */
    public void setOverrides(List<Map<String, Object>> overrides) {
        this.overrides = List.copyOf(overrides);
    }
}
