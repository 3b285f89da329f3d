package io.github.micronautratelimit.config;

import java.util.List;

import org.jspecify.annotations.Nullable;

import io.micronaut.context.annotation.EachProperty;
import io.micronaut.context.annotation.Parameter;
import io.micronaut.core.annotation.Introspected;

/**
 * A limit on paths, whether or not a route of the application matches them.
 */
@Introspected
@EachProperty(value = RateLimitConfiguration.PREFIX + ".rules", list = true)
public class RuleConfiguration {

    private final int index;
    private String path = "";
    private List<String> methods = List.of();
    private String policy = "";
    private @Nullable String key;
    private String permits = "1";

    /**
     * Made by the framework.
     *
     * @param index the rule's place in the list, from 0
     */
    public RuleConfiguration(@Parameter Integer index) {
        this.index = index;
    }

    /**
     * The rule's place in the list.
     *
     * @return from 0
     */
    public int getIndex() {
        return index;
    }

    /**
     * The paths.
     *
     * @return an Ant pattern
     */
    public String getPath() {
        return path;
    }

    /**
     * The paths, as an Ant pattern such as <code>/api/**</code>. Required.
     *
     * @param path a pattern
     */
    public void setPath(String path) {
        this.path = path;
    }

    /**
     * The request methods.
     *
     * @return names; none for all methods
     */
    public List<String> getMethods() {
        return methods;
    }

    /**
     * The request methods, such as {@code [POST, PUT]}. Default: all.
     *
     * @param methods names
     */
    public void setMethods(List<String> methods) {
        this.methods = List.copyOf(methods);
    }

    /**
     * The policy.
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
     * The key.
     *
     * @return a key template, or {@code null}
     */
    public @Nullable String getKey() {
        return key;
    }

    /**
     * Who is limited, as a key template. Default: the policy's.
     *
     * @param key a key template
     */
    public void setKey(String key) {
        this.key = key;
    }

    /**
     * What a request costs.
     *
     * @return a number or a template
     */
    public String getPermits() {
        return permits;
    }

    /**
     * What a request costs: a number, or a placeholder such as <code>{query:size} 1..100</code>. Default: {@code 1}.
     *
     * @param permits a number or a template
     */
    public void setPermits(String permits) {
        this.permits = permits;
    }
}
