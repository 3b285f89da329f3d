package io.github.micronautratelimit.config;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.OnError;
import io.micronaut.context.annotation.EachProperty;
import io.micronaut.context.annotation.Parameter;
import io.micronaut.core.annotation.Introspected;

/**
 * A policy as it is configured under its name.
 */
@Introspected
@EachProperty(RateLimitConfiguration.PREFIX + ".policies")
public class PolicyConfiguration {

    static final long USUAL_LEASE = 50;

    private final String name;
    private List<String> limits = List.of();
    private @Nullable String key;
    private Optional<OnError> onError = Optional.empty();
    private Optional<Duration> deadline = Optional.empty();
    private List<String> localLimit = List.of();
    private Mode mode = Mode.EXACT;
    private Optional<Long> maxLease = Optional.empty();
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
     * The limits, for example {@code [10/s, 1000/h sliding, 5 concurrent]}; at most one of them is like the last. Required.
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
     * Who is limited where an annotation or a rule names no key, as a key template. Default: ratelimit.default-key.
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
     * How long a call to the store may take. Not called "get", as {@link #findOnError()}.
     *
     * @return a duration; empty for as long as for every policy
     */
    public Optional<Duration> findDeadline() {
        return deadline;
    }

    /**
     * How long a call to the store may take before on-error answers, 1 ms or more. Default: ratelimit.deadline.
     *
     * @param deadline 1 ms or more
     */
    public void setDeadline(Duration deadline) {
        this.deadline = Optional.of(deadline);
    }

    /**
     * How often one instance asks the store about one key.
     *
     * @return texts, each one or more limits
     */
    public List<String> getLocalLimit() {
        return localLimit;
    }

    /**
     * How often one instance asks the store about one key, for example {@code 50/s}; requests that come oftener are
     * denied in memory. Default: as often as it is asked itself.
     *
     * @param localLimit texts, each one or more limits
     */
    public void setLocalLimit(List<String> localLimit) {
        this.localLimit = List.copyOf(localLimit);
    }

    /**
     * Whether permits are taken ahead.
     *
     * @return the mode
     */
    public Mode getMode() {
        return mode;
    }

    /**
     * Whether permits are taken ahead: {@code exact}, every request asks the store, or {@code leased}, for very hot keys.
     * Default: {@code exact}.
     *
     * @param mode the mode
     */
    public void setMode(Mode mode) {
        this.mode = mode;
    }

    /**
     * The most permits one instance takes ahead of one key. Not called "get", as {@link #findOnError()}.
     *
     * @return a number; empty if not set
     */
    public Optional<Long> findMaxLease() {
        return maxLease;
    }

    /**
     * The most permits one instance takes ahead of one key in the mode {@code leased}, 1 to 1000000. Default:
     * {@value #USUAL_LEASE}.
     *
     * @param maxLease 1 to 1000000
     */
    public void setMaxLease(long maxLease) {
        this.maxLease = Optional.of(maxLease);
    }

    /** Whether permits are taken ahead. */
    public enum Mode {

        /** Every request asks the store. */
        EXACT,

        /** Permits are taken in batches and granted in memory. */
        LEASED
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
     * The keys that have numbers of their own, for example {@code [{key: alice, limits: 1000/min}]}. Default:
     * none.
     *
     * @param overrides for each, its "key" and its "limits"
     */
    public void setOverrides(List<Map<String, Object>> overrides) {
        this.overrides = List.copyOf(overrides);
    }
}
