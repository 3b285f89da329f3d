package io.github.micronautratelimit.policy;

import io.micronaut.core.annotation.Internal;
import jakarta.inject.Singleton;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * The names of policies that have the name of their class or method, because the annotation has no name. Clients see
 * them without the package and the arguments. All other names are shown as they are written, so that two policies never
 * look like one. Safe for use by any number of threads; bounded by the number of annotations.
 */
@Internal
@Singleton
public final class GeneratedNames {

    private static final Pattern PACKAGE = Pattern.compile("^([a-z_][a-z0-9_]*\\.)+(?=[A-Z])");
    private static final Pattern ARGUMENTS = Pattern.compile("\\(.*\\)");

    private final Map<String, String> shown = new ConcurrentHashMap<>();

    GeneratedNames() {}

    /** Adds the name of a policy that is named after its class or method, and returns it. */
    String add(String name) {
        shown.computeIfAbsent(name, full -> ARGUMENTS
                .matcher(PACKAGE.matcher(full).replaceFirst(""))
                .replaceFirst(""));
        return name;
    }

    /** Adds the name of a case. Clients see the name of the policy, because conditions may name networks and roles. */
    void addCase(String name, String policy) {
        if (!name.equals(policy)) {
            shown.put(name, policy);
        }
    }

    /**
     * Returns the name that clients see.
     *
     * @param policy the name of a policy
     * @return the name without package and arguments if it was generated, that of the policy if it is one of a case;
     *         otherwise the same name
     */
    public String shown(String policy) {
        return shown.getOrDefault(policy, policy);
    }
}
