package io.github.micronautratelimit.management;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.OperatorOverridesConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.policy.OperatorOverride;
import io.github.micronautratelimit.policy.OperatorOverrides;
import io.github.micronautratelimit.web.Allowance;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gives a key or a policy other limits, and logs who did it. */
@Singleton
@RequiresRateLimit
final class OverrideAction {

    private static final Logger LOG = LoggerFactory.getLogger(OverrideAction.class);
    private static final String ALL_KEYS = "all keys";
    private static final String NO_LIMITS = "none";

    private final OverrideStore store;
    private final RateLimiter limiter;

    /**
     * The keys that an override concerns.
     *
     * @param policy the policy as configured or annotated
     * @param key    one key, or {@code null} for all keys
     */
    record Scope(Policy policy, @Nullable String key) {}

    OverrideAction(OverrideStore store, RateLimiter limiter) {
        this.store = store;
        this.limiter = limiter;
    }

    /** Sets limits, for a time or until they are removed, and returns them with the ones before. */
    CompletionStage<Map<String, Object>> set(
            Scope scope, @Nullable Object limits, @Nullable Duration duration, String operator) {
        Allowance allowance = allowance(scope.policy, limits);
        Instant until = duration == null
                ? null
                : store.now().plus(duration).truncatedTo(ChronoUnit.SECONDS).plusSeconds(1);
        OperatorOverride override = new OperatorOverride(scope.policy.writtenName(), hash(scope), allowance, until);
        return change(scope, overrides -> overrides.with(override), override, operator);
    }

    /** Removes limits, and returns them. */
    CompletionStage<Map<String, Object>> remove(Scope scope, String operator) {
        String policy = scope.policy.writtenName();
        return change(scope, overrides -> overrides.without(policy, hash(scope)), null, operator);
    }

    private CompletionStage<Map<String, Object>> change(
            Scope scope, UnaryOperator<OperatorOverrides> change, @Nullable OperatorOverride after, String operator) {
        if (!store.isEnabled()) {
            throw new IllegalArgumentException(OperatorOverridesConfiguration.PREFIX
                    + ".poll-interval is 0s, so no override applies; remove the property.");
        }
        String policy = scope.policy.writtenName();
        return store.change(change).thenApply(overrides -> {
            Allowance before = overrides.find(policy, hash(scope));
            LOG.info(
                    "Override of policy \"{}\" for {} by {}: {} before, {} now, until {}.",
                    policy,
                    scope.key == null ? ALL_KEYS : "key " + hash(scope),
                    operator.replaceAll("\\p{Cntrl}", "?"),
                    before == null ? NO_LIMITS : before,
                    after == null ? NO_LIMITS : after.allowance(),
                    after == null || after.until() == null ? "removed" : after.until());
            Map<String, Object> map = after == null ? new LinkedHashMap<>() : PolicyReport.toMap(after);
            map.putIfAbsent("policy", policy);
            map.put("before", before == null ? List.of() : PolicyReport.texts(before));
            return map;
        });
    }

    private @Nullable String hash(Scope scope) {
        return scope.key == null ? null : limiter.keyHash(scope.key);
    }

    /** Reads limits of kinds that the policy has, because integrations decide only those. */
    private static Allowance allowance(Policy policy, @Nullable Object written) {
        if (written == null) {
            throw new IllegalArgumentException(
                    "\"limits\" is missing; write limits such as \"500/min\", or" + " \"unlimited\" or \"deny\".");
        }
        Allowance allowance = Allowance.parse(
                written instanceof Collection<?> several
                        ? several.stream().map(String::valueOf).toList()
                        : List.of(written.toString()));
        LimitSet limits = allowance.limits();
        if (policy.rateLimits().isEmpty() && !limits.rateLimits().isEmpty()) {
            throw new IllegalArgumentException("The policy \"" + policy.writtenName()
                    + "\" has only a concurrency limit, and \"" + limits
                    + "\" has a rate limit; write a limit such as \"5 concurrent\".");
        }
        if (policy.concurrency() == null && limits.concurrency() != null) {
            throw new IllegalArgumentException("The policy \"" + policy.writtenName()
                    + "\" has no concurrency limit, and \"" + limits
                    + "\" has one; write rate limits such as \"500/min\".");
        }
        return allowance;
    }
}
