package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.configuration.PolicyConfiguration;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.PolicyCase;
import io.github.micronautratelimit.web.PolicyCases;
import io.micronaut.context.exceptions.ConfigurationException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the cases of a policy. A case is a text such as {@code anonymous: 60/h by {ip}}, which YAML without quotation
 * marks reads as a map with one entry, or a map with {@code when}, {@code limits} and {@code key}.
 */
final class CaseReader {

    private static final List<String> PROPERTIES = List.of("when", "limits", "key");

    private final String prefix;
    private final String contextPath;

    CaseReader(String prefix, String contextPath) {
        this.prefix = prefix;
        this.contextPath = contextPath;
    }

    /**
     * Returns the cases of a policy.
     *
     * @param ofPolicy the limits of the policy, or {@code null}
     * @return {@code null} if the policy has neither cases nor exempt clients
     * @throws ConfigurationException if a case is invalid or can never apply
     */
    @Nullable
    PolicyCases read(PolicyConfiguration configuration, @Nullable Allowance ofPolicy) {
        if (configuration.getCases().isEmpty() && configuration.getExempt().isEmpty()) {
            return null;
        }
        List<PolicyCase> cases = new ArrayList<>();
        for (int i = 0; i < configuration.getCases().size(); i++) {
            cases.add(read(configuration.getCases().get(i), prefix + ".cases[" + i + "]"));
        }
        try {
            PolicyCases all = PolicyCases.of(cases, ofPolicy, configuration.getExempt());
            requireDistinctNames(all, configuration.getName());
            requireKeyIsUsed(all, configuration.getKey());
            return all;
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(prefix + "." + e.getMessage(), e);
        }
    }

    private PolicyCase read(Object written, String property) {
        try {
            return written instanceof Map<?, ?> map
                    ? read(map, property)
                    : PolicyCase.parse(String.valueOf(written), contextPath);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(property + " = " + e.getMessage(), e);
        }
    }

    private PolicyCase read(Map<?, ?> map, String property) {
        if (map.size() == 1
                && !PROPERTIES.contains(String.valueOf(map.keySet().iterator().next()))) {
            Map.Entry<?, ?> line = map.entrySet().iterator().next();
            return line(String.valueOf(line.getKey()), line.getValue());
        }
        for (Object name : map.keySet()) {
            if (!PROPERTIES.contains(String.valueOf(name))) {
                throw new ConfigurationException("Unknown property `" + property + "." + name
                        + "`; the properties of a case are " + PROPERTIES + ".");
            }
        }
        Object key = map.get("key");
        return PolicyCase.of(
                texts(map.get("when")), texts(map.get("limits")), key == null ? null : key.toString(), contextPath);
    }

    /** Dots in a condition, such as those of an address, make nested maps of a line without quotation marks. */
    private PolicyCase line(String condition, @Nullable Object rest) {
        if (rest instanceof Map<?, ?> nested && nested.size() == 1) {
            Map.Entry<?, ?> entry = nested.entrySet().iterator().next();
            return line(condition + "." + entry.getKey(), entry.getValue());
        }
        return PolicyCase.parse(condition + ": " + rest, contextPath);
    }

    private static List<String> texts(@Nullable Object value) {
        if (value instanceof Collection<?> several) {
            return several.stream().map(String::valueOf).toList();
        }
        return value == null ? List.of() : List.of(value.toString());
    }

    /** Names differ only if their texts do, in more than a space or an underscore. */
    private static void requireDistinctNames(PolicyCases cases, String policy) {
        Set<String> names = new HashSet<>();
        for (PolicyCase one : cases.all()) {
            if (!names.add(one.policyName(policy))) {
                throw new IllegalArgumentException(
                        "cases has the case \"" + one.when() + "\" twice; remove one of them.");
            }
        }
    }

    private static void requireKeyIsUsed(PolicyCases cases, @Nullable String key) {
        if (key != null
                && cases.all().stream()
                        .allMatch(one -> one.key() != null || !one.allowance().isLimited())) {
            throw new IllegalArgumentException(
                    "key = \"" + key
                            + "\" would never apply, because every case has a key of its own; remove it, or the key of a case.");
        }
    }
}
