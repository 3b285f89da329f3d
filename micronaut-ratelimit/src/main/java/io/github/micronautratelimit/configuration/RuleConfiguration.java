package io.github.micronautratelimit.configuration;

import io.micronaut.context.annotation.EachProperty;
import io.micronaut.context.annotation.Parameter;
import io.micronaut.core.annotation.Introspected;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The configuration of a limit on paths. It applies whether or not a route matches them. */
@Introspected
@EachProperty(value = RateLimitConfiguration.PREFIX + ".rules", list = true)
public class RuleConfiguration {

    private final int index;
    private String path = "";
    private List<String> methods = List.of();
    private String policy = "";
    private @Nullable String key;
    private String permits = "1";
    private Mode mode = Mode.EXACT;
    private List<String> skip = List.of();

    /**
     * Creates the default configuration of a rule.
     *
     * @param index the index of the rule in the list, from 0
     */
    public RuleConfiguration(@Parameter Integer index) {
        this.index = index;
    }

    /**
     * Returns the index of the rule in the list.
     *
     * @return from 0
     */
    public int getIndex() {
        return index;
    }

    /**
     * Returns the paths.
     *
     * @return an Ant pattern
     */
    public String getPath() {
        return path;
    }

    /**
     * The paths within the application, without its context path, as an Ant pattern such as <code>/api/**</code> or
     * <code>/orders/{id}</code>. Required.
     *
     * @param path an Ant pattern
     */
    public void setPath(String path) {
        this.path = path;
    }

    /**
     * Returns the HTTP methods.
     *
     * @return names; empty for all methods
     */
    public List<String> getMethods() {
        return methods;
    }

    /**
     * The HTTP methods in any case, such as {@code [POST, PUT]}. Default: all.
     *
     * @param methods names
     */
    public void setMethods(List<String> methods) {
        this.methods = List.copyOf(methods);
    }

    /**
     * Returns the policy that applies.
     *
     * @return a name under ratelimit.policies
     */
    public String getPolicy() {
        return policy;
    }

    /**
     * The name of the policy that applies. Required.
     *
     * @param policy a name under ratelimit.policies
     */
    public void setPolicy(String policy) {
        this.policy = policy;
    }

    /**
     * Returns the key template.
     *
     * @return a key template, or {@code null} for that of the policy
     */
    public @Nullable String getKey() {
        return key;
    }

    /**
     * The template of the keys that are limited. Default: the key of the policy.
     *
     * @param key a key template
     */
    public void setKey(String key) {
        this.key = key;
    }

    /**
     * Returns the requests that the rule leaves out.
     *
     * @return {@code upgrades}, {@code assets} or both; none if the rule applies to all
     */
    public List<String> getSkip() {
        return skip;
    }

    /**
     * The requests that the rule leaves out: {@code upgrades}, which open a WebSocket of the application, and
     * {@code assets}, which have no route and are answered with a file of {@code micronaut.router.static-resources}.
     * Default: none.
     *
     * @param skip {@code upgrades}, {@code assets} or both
     */
    public void setSkip(List<String> skip) {
        this.skip = List.copyOf(skip);
    }

    /**
     * Returns the cost of a request.
     *
     * @return a number of permits, or a placeholder
     */
    public String getPermits() {
        return permits;
    }

    /**
     * The cost of a request in permits: a number, or a placeholder such as <code>{query:size} 1..100</code>. Default:
     * {@code 1}.
     *
     * @param permits a number, or a placeholder
     */
    public void setPermits(String permits) {
        this.permits = permits;
    }

    /**
     * Returns whether the rule denies requests.
     *
     * @return the mode
     */
    public Mode getMode() {
        return mode;
    }

    /**
     * The mode: in {@code exact}, the rule is enforced; in {@code shadow}, it is counted and reported but denies no
     * request. In shadow mode, it has counters of its own, under the name of the policy with {@code :shadow} after it.
     * Default: {@code exact}.
     *
     * @param mode the mode
     */
    public void setMode(Mode mode) {
        this.mode = mode;
    }

    /** The effect of a rule on requests. */
    public enum Mode {

        /** The policy of the rule is enforced. */
        EXACT,

        /** The limits are counted and reported, and deny no request. */
        SHADOW
    }
}
