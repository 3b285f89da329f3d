package io.github.micronautratelimit.management;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.policy.OperatorOverride;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.web.Allowance;
import jakarta.inject.Singleton;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Describes the current policies as maps, lists, strings and numbers, which every JSON library can write. Contains only
 * hashes of keys, also for the keys of overrides.
 */
@Singleton
@RequiresRateLimit
final class PolicyReport {

    private static final int TOP = 20;
    private static final long MICROS_PER_MILLI = 1_000;

    private final PolicyCatalog catalog;
    private final PolicyRegistry policies;
    private final RateLimiter limiter;
    private final TopDeniedKeys denied;
    private final TopTrialKeys onTrial;

    PolicyReport(
            PolicyCatalog catalog,
            PolicyRegistry policies,
            RateLimiter limiter,
            TopDeniedKeys denied,
            TopTrialKeys onTrial) {
        this.onTrial = onTrial;
        this.catalog = catalog;
        this.policies = policies;
        this.limiter = limiter;
        this.denied = denied;
    }

    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("defaultKey", policies.defaultKey().text());
        map.put("policies", policies(true));
        List<Map<String, Object>> left = leftOverrides();
        if (!left.isEmpty()) {
            map.put("operatorOverridesWithoutPolicy", left);
        }
        map.put("topDenied", toList(denied.top(TOP)));
        map.put("topDeniedOnTrial", toList(onTrial.top(TOP)));
        return map;
    }

    /** Describes all policies by name, with or without the hashes of the keys of overrides. */
    Map<String, Object> policies(boolean withHashes) {
        Map<String, Object> all = new LinkedHashMap<>();
        catalog.all().forEach((name, entry) -> all.put(name, toMap(entry, withHashes)));
        return all;
    }

    private Map<String, Object> toMap(PolicyCatalog.Entry entry, boolean withHashes) {
        Policy policy = entry.policy();
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("limits", texts(new LimitSet(policy.rateLimits(), policy.concurrency())));
        map.put("declaredIn", entry.declaredIn());
        map.put("onError", policy.onError().name());
        if (policy.deadline() != null) {
            map.put("deadlineMillis", policy.deadline().toMillis());
        }
        if (!policy.localLimits().isEmpty()) {
            map.put("localLimits", texts(policy.localLimits()));
        }
        if (policy.isShadow()) {
            map.put("mode", "SHADOW");
        }
        if (policy.candidate() != null) {
            map.put("candidate", texts(policy.candidate().rateLimits()));
        }
        if (policy.maxPrefetch() > 0) {
            map.put("maxPrefetch", policy.maxPrefetch());
        }
        if (entry.key() != null) {
            map.put("key", entry.key().text());
        }
        map.put("appliesTo", entry.bindings().stream().map(PolicyReport::toMap).toList());
        map.put("overrides", overrides(entry, withHashes));
        List<Map<String, Object>> ofOperators = ofOperators(policy, withHashes);
        if (!ofOperators.isEmpty()) {
            map.put("operatorOverrides", ofOperators);
        }
        return map;
    }

    private List<Map<String, Object>> ofOperators(Policy policy, boolean withHashes) {
        return policies.operatorOverrides().all().stream()
                .filter(override -> override.policy().equals(policy.writtenName()))
                .map(override -> {
                    Map<String, Object> map = toMap(override);
                    map.remove("policy");
                    if (!withHashes && map.remove("keyHash") != null) {
                        map.put("ofKey", true);
                    }
                    return map;
                })
                .toList();
    }

    /** Returns the overrides of policies that no longer exist. */
    private List<Map<String, Object>> leftOverrides() {
        Set<String> existing = catalog.all().values().stream()
                .map(entry -> entry.policy().writtenName())
                .collect(Collectors.toSet());
        return policies.operatorOverrides().all().stream()
                .filter(override -> !existing.contains(override.policy()))
                .map(PolicyReport::toMap)
                .toList();
    }

    private List<Map<String, Object>> overrides(PolicyCatalog.Entry policy, boolean withHashes) {
        return policy.overrides().entrySet().stream()
                .flatMap(override -> overrides(policy, override.getKey(), override.getValue(), withHashes))
                .sorted(Comparator.comparing(
                        override -> String.valueOf(override.get(withHashes ? "keyHash" : "limits"))))
                .toList();
    }

    private Stream<Map<String, Object>> overrides(
            PolicyCatalog.Entry policy, String value, Allowance limits, boolean withHashes) {
        return withHashes
                ? KeyQuery.keysOf(policy, value).stream()
                        .map(key -> Map.of("keyHash", limiter.keyHash(key), "limits", texts(limits)))
                : Stream.of(Map.of("limits", texts(limits)));
    }

    static Map<String, Object> toMap(OperatorOverride override) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("policy", override.policy());
        if (override.keyHash() != null) {
            map.put("keyHash", override.keyHash());
        }
        map.put("limits", texts(override.allowance()));
        if (override.until() != null) {
            map.put("until", override.until().toString());
        }
        return map;
    }

    private static Map<String, Object> toMap(LimitBinding binding) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("location", binding.location());
        map.put("key", PolicyCatalog.keyOf(binding));
        map.put(
                "permits",
                binding.costExpression() != null
                        ? binding.costExpression().toString()
                        : binding.cost().toString());
        return map;
    }

    static List<Map<String, Object>> toList(List<HeavyHitters.Hitter> hitters) {
        return hitters.stream().map(PolicyReport::toMap).toList();
    }

    private static Map<String, Object> toMap(HeavyHitters.Hitter hitter) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("policy", hitter.policy());
        map.put("keyHash", hitter.keyHash());
        map.put("perSecond", Math.round(hitter.perSecond() * 1_000) / 1_000.0);
        return map;
    }

    static List<String> texts(Allowance allowance) {
        return allowance.isLimited() ? texts(allowance.limits()) : List.of(allowance.toString());
    }

    private static List<String> texts(LimitSet limits) {
        return Stream.concat(limits.rateLimits().stream(), Stream.ofNullable(limits.concurrency()))
                .map(Object::toString)
                .toList();
    }

    static List<String> texts(List<Limit> limits) {
        return limits.stream().map(Limit::toString).toList();
    }

    /** Converts microseconds to milliseconds, rounded up. */
    static long millis(long micros) {
        return (micros + MICROS_PER_MILLI - 1) / MICROS_PER_MILLI;
    }
}
