package io.github.micronautratelimit.management;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Limits;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.intercept.AppliedLimit;
import io.github.micronautratelimit.intercept.AppliedLimits;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.env.Environment;
import io.micronaut.context.env.PropertyEntry;
import io.micronaut.core.naming.NameUtils;
import io.micronaut.management.endpoint.annotation.Endpoint;
import jakarta.inject.Singleton;

/** The policies that hold now, where they come from and where they apply: configured ones and those of annotations. */
@Singleton
@RequiresRateLimit
@Requires(classes = Endpoint.class)
final class Catalog {

    /** The key of everybody, as it is written. */
    static final String EVERYBODY = "{global}";

    private final Policies policies;
    private final Collection<AppliedLimits> applied;
    private final Environment environment;

    /**
     * A policy and what is known of it.
     *
     * @param policy    the policy
     * @param origin    where its numbers are written: the source of a property, or annotations
     * @param key       the configured key where none is written with it, or {@code null}
     * @param places    where it applies; empty if only the application's own code asks for it
     * @param overrides the keys with numbers of their own
     */
    record Entry(Policy policy, String origin, @Nullable KeyTemplate key, List<AppliedLimit> places,
                 Map<String, Limits> overrides) {
    }

    Catalog(Policies policies, Collection<AppliedLimits> applied, Environment environment) {
        this.policies = policies;
        this.applied = applied;
        this.environment = environment;
    }

    /** All policies by name. */
    Map<String, Entry> all() {
        Map<String, List<AppliedLimit>> places = new TreeMap<>();
        applied.stream().flatMap(known -> known.all().stream())
                .forEach(limit -> places.computeIfAbsent(limit.policy().name(), name -> new ArrayList<>()).add(limit));
        Map<String, Entry> entries = new TreeMap<>();
        places.forEach((name, limits) -> entries.put(name,
                new Entry(limits.get(0).policy(), "annotation", null, distinct(limits), Map.of())));
        for (Policy policy : policies.all()) {
            entries.put(policy.name(), new Entry(policy, origin(policy.name()), policies.keyOf(policy.name()),
                    distinct(places.getOrDefault(policy.name(), List.of())), policies.overridesOf(policy.name())));
        }
        return entries;
    }

    /** The policy of a name, configured ones also in another case or without hyphens. */
    Optional<Entry> find(String name) {
        Map<String, Entry> all = all();
        return Stream.of(name, NameUtils.hyphenate(name)).filter(all::containsKey).findFirst().map(all::get);
    }

    /** A limit of a class applies to each of its methods, and is told of once. */
    private static List<AppliedLimit> distinct(List<AppliedLimit> limits) {
        Map<String, AppliedLimit> byPlace = new LinkedHashMap<>();
        limits.forEach(limit -> byPlace.putIfAbsent(limit.place() + " " + keyOf(limit) + " " + limit.cost(), limit));
        return byPlace.values().stream().sorted((a, b) -> a.place().compareTo(b.place())).toList();
    }

    /** Who is limited, as it is written. */
    static String keyOf(AppliedLimit limit) {
        if (limit.keyExpression() != null) {
            return limit.keyExpression().toString();
        }
        return limit.key() == null ? EVERYBODY : limit.key().text();
    }

    private String origin(String name) {
        String property = RateLimitConfiguration.PREFIX + ".policies." + name + ".limits";
        return Stream.of(property, property + "[0]").flatMap(key -> environment.getPropertyEntry(key).stream())
                .map(Catalog::origin).findFirst().orElse("configuration");
    }

    private static String origin(PropertyEntry entry) {
        return entry.raw() + " of " + entry.origin().location();
    }
}
