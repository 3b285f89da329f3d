package io.github.micronautratelimit.configuration;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.guard.Guard;
import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.annotation.Introspected;
import io.micronaut.core.util.Toggleable;
import io.micronaut.runtime.ApplicationConfiguration;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The configuration of all limits. Read when the application starts; later changes have no effect. */
@Introspected
@ConfigurationProperties(RateLimitConfiguration.PREFIX)
public class RateLimitConfiguration implements Toggleable {

    /** The prefix of all properties. */
    public static final String PREFIX = "ratelimit";

    /** The paths of health, metrics and API documentation, which rules for wider paths do not limit. */
    @Internal
    public static final List<String> DEFAULT_EXCLUDES = List.of(
            "/health/**",
            "/metrics/**",
            "/prometheus",
            "/swagger/**",
            "/swagger-ui/**",
            "/redoc/**",
            "/rapidoc/**",
            "/openapi-explorer/**",
            "/scalar/**",
            "/favicon.ico");

    private static final Pattern NAMESPACE = Pattern.compile("[!-z|~]{1,64}");

    private boolean enabled = true;
    private boolean shadow;
    private @Nullable String backend;
    private String namespace;
    private String defaultKey = "{ip}";
    private List<String> defaultLimits = List.of();
    private OnError onError = OnError.LOCAL;
    private Optional<Duration> deadline = Optional.empty();
    private int instances = 1;
    private Duration denyCache = Duration.ofSeconds(1);
    private HealthInOutage healthInOutage = HealthInOutage.DEGRADED;
    private List<String> exclude = List.of();
    private boolean excludeDefaults = true;
    private int maxWaiting = 100_000;
    private int maxWaitingPerKey = 1_000;

    /**
     * Creates the default configuration.
     *
     * @param application its name, if it has one, is the default namespace
     */
    public RateLimitConfiguration(ApplicationConfiguration application) {
        this.namespace = application
                .getName()
                .filter(name -> !name.isEmpty())
                .map(name -> name.substring(0, Math.min(name.length(), 64)).replaceAll("[^!-z|~]", "-"))
                .orElse(PREFIX);
    }

    @Override
    public boolean isEnabled() {
        return enabled;
    }

    /**
     * Enables rate limiting. {@code false} removes all limits, filters and interceptors; an injected
     * {@code RateLimiter} then allows every request. Default: {@code true}.
     *
     * @param enabled {@code false} to remove all limits
     */
    public void setEnabled(boolean enabled) {
        this.enabled = enabled;
    }

    /**
     * Returns whether all limits are in shadow mode.
     *
     * @return {@code true} if no request is denied
     */
    public boolean isShadow() {
        return shadow;
    }

    /**
     * Puts all policies of the configuration and of annotations into shadow mode: they are counted and reported, but
     * deny no request. Policies that the application's own code makes are not affected. Default: {@code false}.
     *
     * @param shadow {@code true} to deny no request
     */
    public void setShadow(boolean shadow) {
        this.shadow = shadow;
    }

    /**
     * Returns the name of the backend.
     *
     * @return the name; {@code null} for the only backend besides memory, or memory
     */
    public @Nullable String getBackend() {
        return backend;
    }

    /**
     * The backend that decides: {@code memory}, {@code redis}, {@code hazelcast}, {@code dynamodb}, or the name of your
     * own {@code RateLimitBackend} bean. Default: the only backend besides memory, otherwise memory.
     *
     * @param backend the name of a bean
     */
    public void setBackend(String backend) {
        this.backend = backend;
    }

    /**
     * Returns the prefix of all keys in a store.
     *
     * @return the namespace
     */
    public String getNamespace() {
        return namespace;
    }

    /**
     * The prefix of all keys in a store, 1 to 64 ASCII characters without spaces and braces. Applications with the same
     * namespace that use the same store share the limits of policies of the same name. Default: the application's name,
     * {@code micronaut.application.name}, or {@code ratelimit} if it has none.
     *
     * @param namespace 1 to 64 ASCII characters without spaces and braces
     */
    public void setNamespace(String namespace) {
        if (!NAMESPACE.matcher(namespace).matches()) {
            throw new ConfigurationException("ratelimit.namespace = \"" + namespace
                    + "\": a namespace has 1 to 64 ASCII characters without spaces and braces; write "
                    + "one such as shop.");
        }
        this.namespace = namespace;
    }

    /**
     * Returns the key template of routes whose limit and policy have no key.
     *
     * @return a key template
     */
    public String getDefaultKey() {
        return defaultKey;
    }

    /**
     * The key template of routes whose limit and policy have no key. Default: <code>{ip}</code>.
     *
     * @param defaultKey a key template
     */
    public void setDefaultKey(String defaultKey) {
        this.defaultKey = defaultKey;
    }

    /**
     * Returns the limits of routes that have none.
     *
     * @return limits, or the name of a policy; empty if such routes are not limited
     */
    public List<String> getDefault() {
        return defaultLimits;
    }

    /**
     * The limits of every route that has no annotation and no matching rule, for example {@code 100/min}, or
     * <code>100/min by {principal-or-ip}</code>, or the name of one of ratelimit.policies. Default: none.
     *
     * @param limits limits, or the name of a policy
     */
    public void setDefault(List<String> limits) {
        this.defaultLimits = List.copyOf(limits);
    }

    /**
     * Returns the decision while the store is unavailable, for policies without their own.
     *
     * @return the decision
     */
    public OnError getOnError() {
        return onError;
    }

    /**
     * The decision while the store is unavailable, unless the policy or annotation has its own: {@code open} allows
     * every request, {@code closed} denies every request, {@code local} counts in this instance. Default:
     * {@code local}.
     *
     * @param onError the decision
     */
    public void setOnError(OnError onError) {
        this.onError = onError;
    }

    /**
     * Returns the most time a store call may take. Not a getter, for the same reason as
     * {@link PolicyConfiguration#findOnError()}.
     *
     * @return a duration; empty for the default of the backend
     */
    public Optional<Duration> findDeadline() {
        return deadline;
    }

    /**
     * The most time a store call may take before on-error decides, 1 ms or more. Default: that of the backend: 100ms,
     * or 500ms for DynamoDB.
     *
     * @param deadline 1 ms or more
     */
    public void setDeadline(Duration deadline) {
        if (deadline.compareTo(Duration.ofMillis(1)) < 0) {
            throw new ConfigurationException("ratelimit.deadline = \"" + deadline
                    + "\": the store needs time to answer; write 1ms or more, such as 100ms.");
        }
        this.deadline = Optional.of(deadline);
    }

    /**
     * Returns the number of instances of the application that share the store.
     *
     * @return 1 or more
     */
    public int getInstances() {
        return instances;
    }

    /**
     * The number of instances of the application that share the store, 1 to 10000. While the store is unavailable, each
     * instance divides the limits by it. Default: {@code 1}.
     *
     * @param instances 1 to 10000
     */
    public void setInstances(int instances) {
        if (instances < 1 || instances > Guard.MAX_INSTANCES) {
            throw new ConfigurationException("ratelimit.instances = \"" + instances
                    + "\": write the number of instances of the application that share the store, 1 to "
                    + Guard.MAX_INSTANCES + ".");
        }
        this.instances = instances;
    }

    /**
     * Returns the most time for which a denial by the store is cached.
     *
     * @return a duration; zero to cache no denials
     */
    public Duration getDenyCache() {
        return denyCache;
    }

    /**
     * The most time for which an instance caches a denial by the store; 0s to cache no denials. A cached denial saves
     * store calls. For this time, an instance may not notice a refund or reset by another instance. Default:
     * {@code 1s}.
     *
     * @param denyCache a duration; 0s to cache no denials
     */
    public void setDenyCache(Duration denyCache) {
        if (denyCache.isNegative()) {
            throw new ConfigurationException("ratelimit.deny-cache = \"" + denyCache
                    + "\": the duration must not be negative; write one such as 1s, or 0s to cache no denials.");
        }
        this.denyCache = denyCache;
    }

    /**
     * Returns the health status while the store is unavailable.
     *
     * @return the status
     */
    public HealthInOutage getHealthInOutage() {
        return healthInOutage;
    }

    /**
     * The health status while the store is unavailable: {@code degraded} or {@code down}. Default: {@code degraded},
     * because the application keeps running.
     *
     * @param healthInOutage the status
     */
    public void setHealthInOutage(HealthInOutage healthInOutage) {
        this.healthInOutage = healthInOutage;
    }

    /** The health status while the store is unavailable. */
    public enum HealthInOutage {

        /** DEGRADED: the application is usable. */
        DEGRADED,

        /** DOWN: the application should be taken out of service. */
        DOWN
    }

    /**
     * Returns the paths without limits, besides the default exclusions.
     *
     * @return Ant patterns
     */
    public List<String> getExclude() {
        return exclude;
    }

    /**
     * The paths within the application that have no limits, as Ant patterns. Neither rules nor annotations apply to
     * them. They are added to the default exclusions, see {@code exclude-defaults}. Default: none.
     *
     * @param exclude Ant patterns such as <code>/probes/**</code>
     */
    public void setExclude(List<String> exclude) {
        this.exclude = List.copyOf(exclude);
    }

    /**
     * Returns whether the default exclusions apply.
     *
     * @return {@code false} if rules limit health, metrics and API documentation too
     */
    public boolean isExcludeDefaults() {
        return excludeDefaults;
    }

    /**
     * Exempts health, metrics and API documentation from rules for wider paths: the endpoints {@code health},
     * {@code metrics} and {@code prometheus} wherever they are, and the paths <code>/health/**, /metrics/**,
     * /prometheus, /swagger/**, /swagger-ui/**, /redoc/**, /rapidoc/**, /openapi-explorer/**, /scalar/**,
     * /favicon.ico</code>. Annotations, and rules for one of these paths itself, apply all the same. Default:
     * {@code true}.
     *
     * @param excludeDefaults {@code false} to exempt only the paths of {@code exclude}
     */
    public void setExcludeDefaults(boolean excludeDefaults) {
        this.excludeDefaults = excludeDefaults;
    }

    /**
     * Returns the most callers that wait in turn.
     *
     * @return 0 or more
     */
    public int getMaxWaiting() {
        return maxWaiting;
    }

    /**
     * The most requests and calls of one instance that wait in turn; further ones are denied at once. Default:
     * {@code 100000}.
     *
     * @param maxWaiting 0 or more
     */
    public void setMaxWaiting(int maxWaiting) {
        this.maxWaiting = maxWaiting;
    }

    /**
     * Returns the most callers that wait in turn for one policy and key.
     *
     * @return 0 or more
     */
    public int getMaxWaitingPerKey() {
        return maxWaitingPerKey;
    }

    /**
     * The most requests and calls of one instance that wait in turn for one policy and key. Default: {@code 1000}.
     *
     * @param maxWaitingPerKey 0 or more
     */
    public void setMaxWaitingPerKey(int maxWaitingPerKey) {
        this.maxWaitingPerKey = maxWaitingPerKey;
    }
}
