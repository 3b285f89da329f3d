package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.PolicyOverrides;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Resolves the limits of a request: the case of a policy with cases, then the first of these that there is: the limits
 * that an operator has set for the key, the configured override of the key, the result of the {@link PolicyResolver},
 * the limits that an operator has set for the policy, and the configured ones. No limit is the result for exempt
 * clients and for {@code unlimited}, and a denial for {@code deny}.
 */
@Internal
@Singleton
@RequiresRateLimit
public class EffectivePolicyResolver {

    private static final WebRequest NO_REQUEST = () -> ClientAddress.UNKNOWN;

    private final PolicyRegistry policies;
    private final PolicyOverrides<HttpRequest<?>> overrides;
    private final MicroClock clock;

    EffectivePolicyResolver(PolicyRegistry policies, Optional<PolicyResolver> resolver, MicroClock clock) {
        this.policies = policies;
        this.overrides = new PolicyOverrides<>(policies::configuredForKey, resolver.orElse(null));
        this.clock = clock;
    }

    /**
     * Replaces limits with cases by the cases that match a request.
     *
     * @param limits  limits, with or without cases
     * @param request the request; {@code null} if there is none, for cases that only the time decides
     * @param origin  the integration
     * @return the limits that apply; the same list if none has cases
     * @throws RateLimitExceededException if a case denies the request
     */
    public List<LimitBinding> matching(
            List<LimitBinding> limits, @Nullable WebRequest request, PermitRequest.Origin origin) {
        List<LimitBinding> matching = null;
        for (int i = 0; i < limits.size(); i++) {
            LimitBinding limit = limits.get(i);
            if (limit.cases() == null) {
                if (matching != null) {
                    matching.add(limit);
                }
            } else {
                matching = matching == null ? new ArrayList<>(limits.subList(0, i)) : matching;
                for (LimitBinding one : limit.cases().of(request == null ? NO_REQUEST : request, clock)) {
                    if (one.kind() == Allowance.Kind.DENIED && !one.policy().isShadow()) {
                        throw PolicyRegistry.denial(one.policy(), RequestKeys.GLOBAL, origin);
                    }
                    if (one.kind() == Allowance.Kind.LIMITED) {
                        matching.add(one);
                    }
                }
            }
        }
        return matching == null ? limits : matching;
    }

    /**
     * Returns the policy for a key.
     *
     * @param written the policy as configured or annotated
     * @param key     identifies the caller that is limited
     * @param request the request, or {@code null}
     * @param origin  the integration
     * @return the policy with the limits of the key; {@code null} if the key is unlimited
     * @throws RateLimitExceededException if the override of the key denies it
     */
    public @Nullable Policy of(
            Policy written, String key, @Nullable HttpRequest<?> request, PermitRequest.Origin origin) {
        Policy policy = policies.present(written);
        Allowance override = overrideOf(policy, key, request);
        if (override != null && override.kind() == Allowance.Kind.UNLIMITED) {
            return null;
        }
        if (override != null && override.kind() == Allowance.Kind.DENIED) {
            if (policy.isShadow()) {
                return null;
            }
            throw PolicyRegistry.denial(policy, key, origin);
        }
        Policy effective = limited(policy, key, request);
        return completed(policy, effective);
    }

    /**
     * Returns the policy whose state an operator reads.
     *
     * @param written the policy
     * @param key     the key
     * @return the policy with the limits of the key; that of all keys if the key is unlimited or denied
     */
    public Policy forOperator(Policy written, String key) {
        Policy policy = policies.present(written);
        Allowance override = overrideOf(policy, key, null);
        return override != null && !override.isLimited() ? policy : completed(policy, limited(policy, key, null));
    }

    /** The origin of the limits of a key. */
    public enum Origin {
        /** The configuration of the policy, or its annotation. */
        POLICY,
        /** The limits that an operator has set for the key. */
        OPERATOR_OVERRIDE_OF_KEY,
        /** The configured override of the key. */
        CONFIGURED_OVERRIDE,
        /** The {@link PolicyResolver} of the application. */
        POLICY_RESOLVER,
        /** The limits that an operator has set for all keys. */
        OPERATOR_OVERRIDE_OF_POLICY
    }

    /**
     * The limits of a key and their origin.
     *
     * @param kind   whether limits decide
     * @param policy the policy with the limits of the key; the policy itself if no limits decide
     * @param origin the origin of the limits
     */
    public record Explanation(Allowance.Kind kind, Policy policy, Origin origin) {}

    /**
     * Returns the same as {@link #of}, and why.
     *
     * @param written the policy as configured or annotated
     * @param key     identifies the caller that is limited
     * @param request the request, or {@code null}
     * @return the limits and their origin
     */
    public Explanation explain(Policy written, String key, @Nullable HttpRequest<?> request) {
        Policy policy = policies.present(written);
        Allowance override = overrideOf(policy, key, request);
        Allowance.Kind kind = override == null ? Allowance.Kind.LIMITED : override.kind();
        Policy effective = kind == Allowance.Kind.LIMITED ? limited(policy, key, request) : policy;
        return new Explanation(kind, completed(policy, effective), originOf(policy, key, request));
    }

    /** Completes a new policy that a resolver has made. */
    private Policy completed(Policy policy, Policy effective) {
        Policy counted = policies.present(effective);
        return policy.isShadow() && !counted.isShadow() ? counted.asShadow() : counted;
    }

    private Origin originOf(Policy policy, String key, @Nullable HttpRequest<?> request) {
        if (policies.operatorOverrideOf(policy, key) != null) {
            return Origin.OPERATOR_OVERRIDE_OF_KEY;
        }
        if (policies.overrideOf(policy, RequestKeys.value(key)) != null) {
            return Origin.CONFIGURED_OVERRIDE;
        }
        Allowance ofPolicy = policies.operatorOverrideOf(policy, null);
        Policy present = ofPolicy == null || !ofPolicy.isLimited() ? policy : policy.withLimits(ofPolicy.limits());
        if (overrides.of(present, key, request) != present) {
            return Origin.POLICY_RESOLVER;
        }
        return ofPolicy == null ? Origin.POLICY : Origin.OPERATOR_OVERRIDE_OF_POLICY;
    }

    /** Returns the override that decides whether there are limits at all; {@code null} if there is none. */
    private @Nullable Allowance overrideOf(Policy policy, String key, @Nullable HttpRequest<?> request) {
        Allowance ofKey = policies.operatorOverrideOf(policy, key);
        Allowance configured = ofKey == null ? policies.overrideOf(policy, RequestKeys.value(key)) : ofKey;
        if (configured != null) {
            return configured;
        }
        Allowance ofPolicy = policies.operatorOverrideOf(policy, null);
        boolean isResolved = ofPolicy != null && !ofPolicy.isLimited() && overrides.of(policy, key, request) != policy;
        return isResolved ? null : ofPolicy;
    }

    private Policy limited(Policy policy, String key, @Nullable HttpRequest<?> request) {
        Allowance ofKey = policies.operatorOverrideOf(policy, key);
        if (ofKey != null) {
            return policy.withLimits(ofKey.limits());
        }
        Allowance ofPolicy = policies.operatorOverrideOf(policy, null);
        Policy present = ofPolicy == null || !ofPolicy.isLimited() ? policy : policy.withLimits(ofPolicy.limits());
        return overrides.of(present, key, request);
    }
}
