package io.github.micronautratelimit.config;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.OnError;
import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.util.Toggleable;
import io.micronaut.runtime.ApplicationConfiguration;
import io.micronaut.core.annotation.Introspected;

/**
 * The settings that hold for all limits. Set while the application starts, then only read.
 */
@Introspected
@ConfigurationProperties(RateLimitConfiguration.PREFIX)
public class RateLimitConfiguration implements Toggleable {

    /** The prefix of all settings. */
    public static final String PREFIX = "ratelimit";

    private static final Pattern NAMESPACE = Pattern.compile("[!-z|~]{1,64}");

    private boolean enabled = true;
    private @Nullable String backend;
    private String namespace;
    private String defaultKey = "{ip}";
    private OnError onError = OnError.LOCAL;
    private Optional<Duration> deadline = Optional.empty();
    private int instances = 1;
    private Duration denyCache = Duration.ofSeconds(1);
    private HealthInOutage healthInOutage = HealthInOutage.DEGRADED;
    private List<String> exclude = List.of("/health/**", "/metrics/**", "/prometheus",
            "/swagger/**", "/swagger-ui/**", "/redoc/**", "/rapidoc/**", "/openapi-explorer/**", "/favicon.ico");

    /**
     * The settings' defaults.
     *
     * @param application names the namespace, if it has a name
     */
    public RateLimitConfiguration(ApplicationConfiguration application) {
        this.namespace = application.getName().filter(name -> !name.isEmpty())
                .map(name -> name.substring(0, Math.min(name.length(), 64)).replaceAll("[^!-z|~]", "-"))
                .orElse(PREFIX);
    }

    @Override
    public boolean isEnabled() {
        return enabled;
    }

    /**
     * Whether anything is limited at all. {@code false} removes every limit, filter and advice; an injected
     * {@code RateLimiter} then grants everything. Default: {@code true}.
     *
     * @param enabled {@code false} removes every limit, filter and advice
     */
    public void setEnabled(boolean enabled) {
        this.enabled = enabled;
    }

    /**
     * The backend chosen by name.
     *
     * @return the name; {@code null} to take the only one there is beside memory
     */
    public @Nullable String getBackend() {
        return backend;
    }

    /**
     * Who decides: {@code memory}, {@code redis}, {@code hazelcast}, {@code dynamodb}, or the name of a
     * {@code RateLimitBackend} bean of your own. Default: the only backend there is beside memory, or memory.
     *
     * @param backend a bean name
     */
    public void setBackend(String backend) {
        this.backend = backend;
    }

    /**
     * What the names of all keys in a store start with.
     *
     * @return the namespace
     */
    public String getNamespace() {
        return namespace;
    }

    /**
     * What the names of all keys in a store start with. Applications of the same namespace that use the same store share
     * the limits of policies of the same name. 1 to 64 characters of ASCII, no spaces or braces. Default: the
     * application's name, {@code micronaut.application.name}, or {@code ratelimit} if it has none.
     *
     * @param namespace 1 to 64 characters of ASCII, no spaces or braces
     */
    public void setNamespace(String namespace) {
        if (!NAMESPACE.matcher(namespace).matches()) {
            throw new ConfigurationException("ratelimit.namespace = \"" + namespace
                    + "\": a namespace has 1 to 64 characters of ASCII and no spaces or braces; write one such as shop.");
        }
        this.namespace = namespace;
    }

    /**
     * The key of routes whose limit and policy name none.
     *
     * @return a key template
     */
    public String getDefaultKey() {
        return defaultKey;
    }

    /**
     * The key template of routes whose limit and policy name none. Default: <code>{ip}</code>.
     *
     * @param defaultKey a key template
     */
    public void setDefaultKey(String defaultKey) {
        this.defaultKey = defaultKey;
    }

    /**
     * What to answer while the store cannot be asked, where neither policy nor annotation says.
     *
     * @return the answer
     */
    public OnError getOnError() {
        return onError;
    }

    /**
     * What to answer while the store cannot be asked, where neither policy nor annotation says: {@code open},
     * {@code closed} or {@code local}. Default: {@code local}.
     *
     * @param onError the answer
     */
    public void setOnError(OnError onError) {
        this.onError = onError;
    }

    /**
     * How long a call to the store may take. Not called "get": see {@link PolicyConfiguration#findOnError()}.
     *
     * @return a duration; empty for what the backend holds right
     */
    public Optional<Duration> findDeadline() {
        return deadline;
    }

    /**
     * How long a call to the store may take before the policy's on-error answers. 1 ms or more. Default: the
     * backend's own: 100ms, with DynamoDB 500ms.
     *
     * @param deadline 1 ms or more
     */
    public void setDeadline(Duration deadline) {
        if (deadline.compareTo(Duration.ofMillis(1)) < 0) {
            throw new ConfigurationException("ratelimit.deadline = \"" + deadline
                    + "\": the store needs some time to answer; write 1ms or more, such as 100ms.");
        }
        this.deadline = Optional.of(deadline);
    }

    /**
     * How many instances of the application share the store.
     *
     * @return 1 or more
     */
    public int getInstances() {
        return instances;
    }

    /**
     * How many instances of the application share the store. By so many the limits are divided while each has to decide
     * alone. 1 to 10000. Default: {@code 1}.
     *
     * @param instances 1 to 10000
     */
    public void setInstances(int instances) {
        if (instances < 1 || instances > Guard.MAX_INSTANCES) {
            throw new ConfigurationException("ratelimit.instances = \"" + instances
                    + "\": write how many instances of the application share the store, 1 to " + Guard.MAX_INSTANCES + ".");
        }
        this.instances = instances;
    }

    /**
     * How long a denial by the store is believed at most.
     *
     * @return a duration; zero for not at all
     */
    public Duration getDenyCache() {
        return denyCache;
    }

    /**
     * How long a denial by the store is believed at most, so that the store is not asked again for what it has denied.
     * So long, too, an instance may not know of a refund or reset that another one makes. 0s for not at all. Default: {@code 1s}.
     *
     * @param denyCache a duration; 0s for not at all
     */
    public void setDenyCache(Duration denyCache) {
        if (denyCache.isNegative()) {
            throw new ConfigurationException("ratelimit.deny-cache = \"" + denyCache
                    + "\": a denial cannot be believed for less than no time; write a duration such as 1s, or 0s for none.");
        }
        this.denyCache = denyCache;
    }

    /**
     * What the health endpoint says while the store cannot be asked.
     *
     * @return the status
     */
    public HealthInOutage getHealthInOutage() {
        return healthInOutage;
    }

    /**
     * What the health endpoint says while the store cannot be asked: {@code degraded} or {@code down}. Default:
     * {@code degraded}, because the application goes on.
     *
     * @param healthInOutage the status
     */
    public void setHealthInOutage(HealthInOutage healthInOutage) {
        this.healthInOutage = healthInOutage;
    }

    /** What the health endpoint says while the store cannot be asked. */
    public enum HealthInOutage {

        /** DEGRADED: the application can be used. */
        DEGRADED,

        /** DOWN: the application is to be taken out of service. */
        DOWN
    }

    /**
     * The paths no limit applies to.
     *
     * @return Ant patterns
     */
    public List<String> getExclude() {
        return exclude;
    }

    /**
     * The paths no limit applies to, neither of rules nor of annotations, as Ant patterns; what is written replaces the
     * default. Default: <code>[/health/**, /metrics/**, /prometheus, /swagger/**, /swagger-ui/**, /redoc/**, /rapidoc/**,
     * /openapi-explorer/**, /favicon.ico]</code>.
     *
     * @param exclude Ant patterns such as {@code /health/**}
     */
    public void setExclude(List<String> exclude) {
        this.exclude = List.copyOf(exclude);
    }
}
