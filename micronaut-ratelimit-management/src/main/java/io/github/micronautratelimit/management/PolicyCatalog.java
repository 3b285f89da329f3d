package io.github.micronautratelimit.management;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.policy.LimitBindings;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.context.env.Environment;
import io.micronaut.context.env.PropertyEntry;
import io.micronaut.core.naming.NameUtils;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Lists the current policies, where they are declared and where they apply: those of the configuration and of
 * annotations.
 */
@Singleton
@RequiresRateLimit
final class PolicyCatalog {

    /** The template of a key that all requests share. */
    static final String GLOBAL_KEY = "{global}";

    private static final String DEFAULT = RateLimitConfiguration.PREFIX + ".default";

    private final PolicyRegistry policies;
    private final Collection<LimitBindings> bindings;
    private final Environment environment;

    /**
     * A policy with its uses.
     *
     * @param policy     the policy
     * @param declaredIn the property and the source of its limits, or {@code annotation}
     * @param key        the configured key template, or {@code null} if none is configured
     * @param bindings   the annotations and rules that apply it; empty if only code of the application uses it
     * @param overrides  the limits of keys that have limits of their own
     */
    record Entry(
            Policy policy,
            String declaredIn,
            @Nullable KeyTemplate key,
            List<LimitBinding> bindings,
            Map<String, Allowance> overrides) {}

    PolicyCatalog(PolicyRegistry policies, Collection<LimitBindings> bindings, Environment environment) {
        this.policies = policies;
        this.bindings = bindings;
        this.environment = environment;
    }

    /** Returns all policies by name. */
    Map<String, Entry> all() {
        Map<String, List<LimitBinding>> byPolicy = new TreeMap<>();
        bindings.stream()
                .flatMap(source -> source.all().stream())
                .flatMap(binding -> binding.variants().stream())
                .forEach(binding -> byPolicy.computeIfAbsent(binding.policy().name(), name -> new ArrayList<>())
                        .add(binding));
        Map<String, Entry> entries = new TreeMap<>();
        byPolicy.forEach((name, found) -> entries.put(
                name, new Entry(found.get(0).policy(), declaredIn(found.get(0)), null, distinct(found), Map.of())));
        for (Policy policy : policies.all()) {
            String name = policy.name();
            entries.put(
                    name,
                    new Entry(
                            policy,
                            declaredIn(name),
                            policies.keyOf(name),
                            distinct(byPolicy.getOrDefault(name, List.of())),
                            policies.overridesOf(name)));
        }
        return entries;
    }

    /** Returns the policy of a name. The name of a configured policy may have another case or no hyphens. */
    Optional<Entry> find(String name) {
        Map<String, Entry> all = all();
        return Stream.of(name, NameUtils.hyphenate(name))
                .filter(all::containsKey)
                .findFirst()
                .map(all::get);
    }

    /** Removes duplicates: a limit on a class has a binding for each method. */
    private static List<LimitBinding> distinct(List<LimitBinding> bindings) {
        Map<String, LimitBinding> distinct = new LinkedHashMap<>();
        bindings.forEach(binding ->
                distinct.putIfAbsent(binding.location() + " " + keyOf(binding) + " " + binding.cost(), binding));
        return distinct.values().stream()
                .sorted(Comparator.comparing(LimitBinding::location))
                .toList();
    }

    /** Returns the key template or expression of a binding. */
    static String keyOf(LimitBinding binding) {
        if (binding.keyExpression() != null) {
            return binding.keyExpression().toString();
        }
        return binding.key() == null ? GLOBAL_KEY : binding.key().text();
    }

    private static String declaredIn(LimitBinding binding) {
        return binding.location().equals(DEFAULT) ? DEFAULT : "annotation";
    }

    private String declaredIn(String name) {
        String configured = policies.configuredName(name);
        String property = RateLimitConfiguration.PREFIX + ".policies." + configured
                + (configured.equals(name) ? ".limits" : ".cases");
        return Stream.of(property, property + "[0]")
                .flatMap(key -> environment.getPropertyEntry(key).stream())
                .map(PolicyCatalog::declaredIn)
                .findFirst()
                .orElse("configuration");
    }

    private static String declaredIn(PropertyEntry entry) {
        return entry.raw() + " of " + entry.origin().location();
    }
}
