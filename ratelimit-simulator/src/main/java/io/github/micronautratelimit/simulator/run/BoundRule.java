package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.simulator.policy.ReplayRule;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.RequestKeys;
import org.jspecify.annotations.Nullable;

/**
 * A rule, or a case of it, with the traffic that it counts.
 *
 * @param rule    the rule
 * @param traffic its traffic, which other rules may share
 * @param use     the number of the rule within the traffic
 */
record BoundRule(ReplayRule rule, TrafficLog traffic, int use) {

    /** Returns the override of a key; {@code null} if there is none, or the rule decides without limits. */
    @Nullable
    Allowance overrideOf(String key) {
        return rule.overrides().isEmpty() || rule.kind() != Allowance.Kind.LIMITED
                ? null
                : rule.overrides().get(RequestKeys.value(key));
    }

    Policy policyOf(@Nullable Allowance override) {
        return override == null ? rule.policy() : rule.policy().withLimits(override.limits());
    }
}
