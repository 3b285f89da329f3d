package io.github.micronautratelimit.config;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.OnError;
import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.util.Toggleable;
import io.micronaut.runtime.ApplicationConfiguration;

/**
 * The settings that hold for all limits. Set while the application starts, then only read.
 */
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
    private Duration deadline = Duration.ofMillis(100);
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
     * Whether anything is limited at all. Default: true.
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
     * The backend that decides: {@code memory}, or the name of a store's module or of a bean of your own. Default: the
     * only backend there is, or memory.
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
     * the limits of policies of the same name. Default: the application's name, or {@code ratelimit} if it has none.
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
     * The key of routes whose limit and policy name none. Default: <code>{ip}</code>.
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
     * {@code closed} or {@code local}. Default: local.
     *
     * @param onError the answer
     */
    public void setOnError(OnError onError) {
        this.onError = onError;
    }

    /**
     * How long a call to the store may take.
     *
     * @return a duration
     */
    public Duration getDeadline() {
        return deadline;
    }

    /**
     * How long a call to the store may take before the policy's on-error answers. Default: 100ms.
     *
     * @param deadline 1 ms or more
     */
    public void setDeadline(Duration deadline) {
        this.deadline = deadline;
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
     * The paths no limit applies to, neither of rules nor of annotations. Default: health, metrics and API
     * documentation.
     *
     * @param exclude Ant patterns such as {@code /health/**}
     */
    public void setExclude(List<String> exclude) {
        this.exclude = List.copyOf(exclude);
    }
}
