package io.github.micronautratelimit.management;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.http.DescribedRequest;
import io.github.micronautratelimit.http.RequestExplanation;
import io.github.micronautratelimit.http.RequestExplanation.AppliedLimit;
import io.github.micronautratelimit.http.RequestExplanation.Stage;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.policy.EffectivePolicyResolver;
import io.github.micronautratelimit.policy.EffectivePolicyResolver.Explanation;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.ClientAddress;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Returns how a request would be decided, and why: each limit that applies, its key and its remaining permits. Charges
 * nothing.
 */
@Singleton
@RequiresRateLimit
final class DryRun {

    private static final String ALLOWED = "allowed";
    private static final String DENIED = "denied";
    /** The decision depends on the arguments of a method. */
    private static final String UNKNOWN = "unknown";

    private final RequestExplanation requests;
    private final KeyResolution keys;
    private final ClientAddress addresses;
    private final EffectivePolicyResolver resolver;
    private final PolicyRegistry policies;
    private final RateLimiter limiter;

    /** A policy and a key, which several limits of a request may share. */
    private record Charged(String policy, String key) {}

    DryRun(
            RequestExplanation requests,
            KeyResolution keys,
            ClientAddress addresses,
            EffectivePolicyResolver resolver,
            PolicyRegistry policies,
            RateLimiter limiter) {
        this.requests = requests;
        this.keys = keys;
        this.addresses = addresses;
        this.resolver = resolver;
        this.policies = policies;
        this.limiter = limiter;
    }

    /** Decides on a request that a body describes. */
    CompletionStage<Map<String, Object>> ofRequest(Map<String, Object> body) {
        DescribedRequest request = RequestQuery.of(body, keys, addresses);
        RequestExplanation.Explained explained = explained(request);
        List<CompletionStage<Map<String, Object>>> limits = new ArrayList<>();
        Map<Charged, Long> charged = new HashMap<>();
        for (AppliedLimit applied : explained.applied()) {
            limits.add(toMap(applied, charged));
        }
        explained.exempt().forEach(limit -> limits.add(CompletableFuture.completedStage(exempt(limit))));
        return all(limits).thenApply(maps -> {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("decision", decision(maps));
            if (explained.route() != null) {
                map.put("route", explained.route());
            }
            map.put("limits", maps);
            return map;
        });
    }

    private RequestExplanation.Explained explained(DescribedRequest request) {
        try {
            return requests.explain(request);
        } catch (IllegalArgumentException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    "Code of the application failed for this request with "
                            + e.getClass().getName() + "; describe it more exactly, for example with its headers.",
                    e);
        }
    }

    /** Decides on a request for permits of one key. */
    CompletionStage<Map<String, Object>> ofKey(Policy policy, String key, long permits) {
        Explanation explanation = resolver.explain(policy, key, null);
        Map<String, Object> map = new LinkedHashMap<>();
        return decided(map, policy, explanation, key, permits, permits).thenApply(limit -> {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("decision", decision(List.of(limit)));
            result.put("limits", List.of(limit));
            return result;
        });
    }

    private static String decision(List<Map<String, Object>> limits) {
        boolean unknown = false;
        for (Map<String, Object> limit : limits) {
            boolean enforced = !limit.containsKey("mode");
            if (enforced && DENIED.equals(limit.get("decision"))) {
                return DENIED;
            }
            unknown |= enforced && UNKNOWN.equals(limit.get("decision"));
        }
        return unknown ? UNKNOWN : ALLOWED;
    }

    private CompletionStage<Map<String, Object>> toMap(AppliedLimit applied, Map<Charged, Long> charged) {
        LimitBinding limit = applied.limit();
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("appliesBy", limit.location());
        map.put("stage", applied.stage().name().toLowerCase(Locale.ROOT).replace('_', ' '));
        if (applied.stage() == Stage.CALL) {
            putPolicy(map, limit.policy());
            map.put("keyTemplate", PolicyCatalog.keyOf(limit));
            map.put("decision", limit.kind() == Allowance.Kind.LIMITED ? UNKNOWN : fixed(limit.kind()));
            map.put("reason", "The arguments of the method decide the key or the cost.");
            return CompletableFuture.completedStage(map);
        }
        Explanation explanation = applied.explanation();
        String key = applied.key();
        if (explanation == null || key == null) {
            putPolicy(map, limit.policy());
            map.put("decision", fixed(limit.kind()));
            map.put("reason", "The case says " + (limit.kind() == Allowance.Kind.DENIED ? "deny." : "unlimited."));
            return CompletableFuture.completedStage(map);
        }
        map.put("keyTemplate", PolicyCatalog.keyOf(limit));
        Charged together = new Charged(explanation.policy().name(), key);
        long all = charged.merge(together, applied.permits(), Long::sum);
        return decided(map, limit.policy(), explanation, key, applied.permits(), all);
    }

    private static Map<String, Object> exempt(LimitBinding limit) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("appliesBy", limit.location());
        map.put("policy", limit.policy().name());
        map.put("decision", ALLOWED);
        map.put("reason", "The address of the client is exempt.");
        return map;
    }

    private static String fixed(Allowance.Kind kind) {
        return kind == Allowance.Kind.DENIED ? DENIED : ALLOWED;
    }

    private void putPolicy(Map<String, Object> map, Policy policy) {
        String name = policy.writtenName();
        String configured = policies.configuredName(name);
        map.put("policy", policy.name());
        if (!configured.equals(name)) {
            map.put("case", name.substring(configured.length() + 1));
        }
        if (policy.isShadow()) {
            map.put("mode", "SHADOW");
        }
    }

    /**
     * Adds the decision on a key.
     *
     * @param permits  the cost of the request under this limit
     * @param together the cost under this limit and those before it that charge the same key
     */
    private CompletionStage<Map<String, Object>> decided(
            Map<String, Object> map, Policy written, Explanation explanation, String key, long permits, long together) {
        putPolicy(map, written);
        map.put("keyHash", limiter.keyHash(key));
        map.put("permits", permits);
        map.put("limitsOf", explanation.origin().name().toLowerCase(Locale.ROOT).replace('_', ' '));
        Policy policy = explanation.policy();
        if (explanation.kind() != Allowance.Kind.LIMITED) {
            map.put("decision", fixed(explanation.kind()));
            map.put(
                    "reason",
                    "The override says " + (explanation.kind() == Allowance.Kind.DENIED ? "deny." : "unlimited."));
            return CompletableFuture.completedStage(map);
        }
        CompletionStage<List<Map<String, Object>>> permitLimits =
                policy.rateLimits().isEmpty()
                        ? CompletableFuture.completedStage(List.of())
                        : rateLimits(map, policy.rateLimitsOnly(), key, together);
        CompletionStage<List<Map<String, Object>>> slots = policy.concurrency() == null
                ? CompletableFuture.completedStage(List.of())
                : slots(policy.concurrencyOnly(), key);
        return permitLimits.thenCombine(slots, (first, second) -> {
            List<Map<String, Object>> limits = new ArrayList<>(first);
            limits.addAll(second);
            map.putIfAbsent("decision", ALLOWED);
            second.stream()
                    .filter(slot -> DENIED.equals(slot.get("decision")))
                    .forEach(slot -> map.put("decision", DENIED));
            map.put("limits", limits);
            return map;
        });
    }

    private CompletionStage<List<Map<String, Object>>> rateLimits(
            Map<String, Object> map, Policy policy, String key, long permits) {
        return limiter.async().peek(policy, key, permits).thenCombine(usage(policy, key), (decision, usage) -> {
            map.put("decision", decision.allowed() ? ALLOWED : DENIED);
            putTimes(map, decision);
            if (isBlocked(decision, usage, permits)) {
                map.put("reason", "The key is blocked.");
            }
            List<Map<String, Object>> limits = new ArrayList<>();
            for (int i = 0; i < policy.rateLimits().size(); i++) {
                Limit limit = policy.rateLimits().get(i);
                Map<String, Object> one = new LinkedHashMap<>();
                one.put("limit", limit.toString());
                if (i < usage.size()) {
                    one.put("used", usage.get(i).used());
                    one.put("remaining", usage.get(i).remaining());
                    one.put("resetsAt", usage.get(i).resetsAt().toString());
                }
                one.put("decision", decision.deniedBy().contains(limit) ? DENIED : ALLOWED);
                limits.add(one);
            }
            return limits;
        });
    }

    /** A store that reads no usage, or does not answer, leaves the decision. */
    private CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return limiter.async().usage(policy, key).exceptionally(failure -> List.of());
    }

    private static boolean isBlocked(Decision decision, List<Limit.Usage> usage, long permits) {
        return !decision.allowed()
                && !decision.deniedBy().isEmpty()
                && !usage.isEmpty()
                && usage.stream().allMatch(each -> each.remaining() >= permits);
    }

    private CompletionStage<List<Map<String, Object>>> slots(Policy policy, String key) {
        return limiter.async().peek(policy, key, 1).thenApply(decision -> {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("limit", policy.requireConcurrency().toString());
            one.put("remaining", decision.remaining());
            one.put("decision", decision.allowed() ? ALLOWED : DENIED);
            putTimes(one, decision);
            return List.of(one);
        });
    }

    private static void putTimes(Map<String, Object> map, Decision decision) {
        if (!decision.allowed() && decision.retryAfterMicros() != LimitState.NEVER) {
            map.put("retryAfterMillis", PolicyReport.millis(decision.retryAfterMicros()));
        }
        map.put("source", decision.source().name());
    }

    private static <T> CompletionStage<List<T>> all(List<CompletionStage<T>> stages) {
        CompletionStage<List<T>> all = CompletableFuture.completedStage(new ArrayList<>());
        for (CompletionStage<T> stage : stages) {
            all = all.thenCombine(stage, (list, next) -> {
                list.add(next);
                return list;
            });
        }
        return all;
    }
}
