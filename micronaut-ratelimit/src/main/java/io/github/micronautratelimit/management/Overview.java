package io.github.micronautratelimit.management;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Limits;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.intercept.AppliedLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.management.endpoint.annotation.Endpoint;
import jakarta.inject.Singleton;

/**
 * What holds now, as a tree that any JSON library can write: maps, lists, texts, numbers. Keys are hashed, those of the
 * configuration too.
 */
@Singleton
@RequiresRateLimit
@Requires(classes = Endpoint.class)
final class Overview {

    private static final int TOP = 20;
    private static final long MICROS_PER_MILLI = 1_000;

    private final Catalog catalog;
    private final Policies policies;
    private final RateLimiter limiter;
    private final TopBlocked blocked;

    Overview(Catalog catalog, Policies policies, RateLimiter limiter, TopBlocked blocked) {
        this.catalog = catalog;
        this.policies = policies;
        this.limiter = limiter;
        this.blocked = blocked;
    }

    Map<String, Object> toMap() {
        Map<String, Object> overview = new LinkedHashMap<>();
        overview.put("defaultKey", policies.defaultKey().text());
        overview.put("policies", policies());
        overview.put("topBlocked", blocked.most(TOP).stream().map(Overview::toMap).toList());
        return overview;
    }

    /** Every policy by its name. */
    Map<String, Object> policies() {
        Map<String, Object> all = new LinkedHashMap<>();
        catalog.all().forEach((name, entry) -> all.put(name, toMap(entry)));
        return all;
    }

    private Map<String, Object> toMap(Catalog.Entry entry) {
        Policy policy = entry.policy();
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("limits", texts(new Limits(policy.limits(), policy.concurrency())));
        told.put("origin", entry.origin());
        told.put("onError", policy.onError().name());
        if (policy.deadline() != null) {
            told.put("deadlineMillis", policy.deadline().toMillis());
        }
        if (!policy.localLimits().isEmpty()) {
            told.put("localLimits", texts(policy.localLimits()));
        }
        if (policy.maxLease() > 0) {
            told.put("maxLease", policy.maxLease());
        }
        if (entry.key() != null) {
            told.put("key", entry.key().text());
        }
        told.put("appliesTo", entry.places().stream().map(Overview::toMap).toList());
        told.put("overrides", overrides(entry.overrides()));
        return told;
    }

    private List<Map<String, Object>> overrides(Map<String, Limits> overrides) {
        return overrides.entrySet().stream()
                .map(override -> Map.of("keyHash", limiter.keyHash(override.getKey()), "limits", (Object) texts(override.getValue())))
                .sorted(Comparator.comparing(override -> override.get("keyHash").toString()))
                .toList();
    }

    private static Map<String, Object> toMap(AppliedLimit limit) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("place", limit.place());
        told.put("key", Catalog.keyOf(limit));
        told.put("permits", limit.costExpression() != null ? limit.costExpression().toString() : limit.cost().toString());
        return told;
    }

    static Map<String, Object> toMap(HeavyHitters.Hitter hitter) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("policy", hitter.policy());
        told.put("keyHash", hitter.keyHash());
        told.put("perSecond", Math.round(hitter.perSecond() * 1_000) / 1_000.0);
        return told;
    }

    static List<String> texts(Limits limits) {
        return Stream.concat(limits.rates().stream(), Stream.ofNullable(limits.concurrency())).map(Object::toString).toList();
    }

    static List<String> texts(List<Limit> limits) {
        return limits.stream().map(Limit::toString).toList();
    }

    /** Rounded up: after so long, it is so. */
    static long millis(long micros) {
        return (micros + MICROS_PER_MILLI - 1) / MICROS_PER_MILLI;
    }
}
