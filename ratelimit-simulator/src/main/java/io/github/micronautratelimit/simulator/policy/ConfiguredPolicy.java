package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.PolicyCase;
import io.github.micronautratelimit.web.PolicyCases;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A policy of {@code ratelimit.policies}. Immutable.
 *
 * @param policy       the policy; its limits mean nothing if it has cases
 * @param key          its key, or {@code null}
 * @param overrides    the limits of single keys
 * @param cases        its cases; {@code null} if it has none
 * @param casePolicies the policies of the cases
 */
record ConfiguredPolicy(
        Policy policy,
        @Nullable KeyTemplate key,
        Map<String, Allowance> overrides,
        @Nullable PolicyCases cases,
        Map<PolicyCase, Policy> casePolicies) {

    Policy policyOf(PolicyCase one) {
        return Objects.requireNonNull(casePolicies.get(one));
    }
}
