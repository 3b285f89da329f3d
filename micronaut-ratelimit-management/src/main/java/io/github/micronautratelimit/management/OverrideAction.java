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
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gives a key or a policy other limits, or new counters, and logs the operator. */
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

    /**
     * The name of an override.
     *
     * @param policy  the name of the policy
     * @param keyHash the hash of the key; {@code null} for the override of all keys
     */
    record Name(String policy, @Nullable String keyHash) {}

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
        return change(
                new Name(override.policy(), override.keyHash()),
                overrides -> overrides.with(override),
                override,
                operator);
    }

    /** Forgets what all keys of a policy have spent, and returns when other instances follow. */
    CompletionStage<Map<String, Object>> resetAll(Policy policy, String operator) {
        requireEnabled();
        String name = policy.writtenName();
        return store.change(overrides -> overrides.withNewGeneration(name, store.now()))
                .thenApply(before -> {
                    LOG.info(
                            "Reset of policy \"{}\" for all keys by {}: their spent permits and blocks are"
                                    + " forgotten.",
                            name,
                            printable(operator));
                    Map<String, Object> map = new LinkedHashMap<>();
                    map.put("policy", name);
                    map.put("otherInstancesWithinMillis", store.interval().toMillis());
                    return map;
                });
    }

    private static String printable(String operator) {
        return operator.replaceAll("\\p{Cntrl}", "?");
    }

    private void requireEnabled() {
        if (!store.isEnabled()) {
            throw new IllegalArgumentException(OperatorOverridesConfiguration.PREFIX
                    + ".poll-interval is 0s, so no override applies; remove the property.");
        }
    }

    /** Removes limits, and returns them. */
    CompletionStage<Map<String, Object>> remove(Scope scope, String operator) {
        return remove(new Name(scope.policy.writtenName(), hash(scope)), operator);
    }

    /**
     * Returns an override by the hash of its key, also one that a policy which no longer exists has left.
     *
     * @throws IllegalArgumentException if there is none; the message names those that there are
     */
    Name named(String policy, @Nullable String keyHash) {
        List<OperatorOverride> left = store.known().all().stream()
                .filter(override -> override.policy().equals(policy))
                .toList();
        if (left.stream().noneMatch(override -> Objects.equals(override.keyHash(), keyHash))) {
            throw new IllegalArgumentException("The policy \"" + policy + "\" has no such override; "
                    + (left.isEmpty()
                            ? "GET returns the overrides that there are."
                            : "write one of the hashes "
                                    + left.stream()
                                            .map(OperatorOverride::keyHash)
                                            .filter(Objects::nonNull)
                                            .toList()
                                    + " as \"keyHash\"" + (hasOneOfAllKeys(left) ? ", or no key." : ".")));
        }
        return new Name(policy, keyHash);
    }

    private static boolean hasOneOfAllKeys(List<OperatorOverride> left) {
        return left.stream().anyMatch(override -> override.keyHash() == null);
    }

    /** Removes limits, and returns them. */
    CompletionStage<Map<String, Object>> remove(Name name, String operator) {
        return change(name, overrides -> overrides.without(name.policy, name.keyHash), null, operator);
    }

    private CompletionStage<Map<String, Object>> change(
            Name of, UnaryOperator<OperatorOverrides> change, @Nullable OperatorOverride after, String operator) {
        requireEnabled();
        return store.change(change).thenApply(overrides -> {
            Allowance before = overrides.find(of.policy, of.keyHash);
            LOG.info(
                    "Override of policy \"{}\" for {} by {}: {} before, {} now, until {}.",
                    of.policy,
                    of.keyHash == null ? ALL_KEYS : "key " + of.keyHash,
                    printable(operator),
                    before == null ? NO_LIMITS : before,
                    after == null ? NO_LIMITS : after.allowance(),
                    after == null || after.until() == null ? "removed" : after.until());
            Map<String, Object> map = after == null ? new LinkedHashMap<>() : PolicyReport.toMap(after);
            map.putIfAbsent("policy", of.policy);
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
