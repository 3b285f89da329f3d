package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.PathRule;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A policy on the requests of a path, as a rule of {@code ratelimit.rules} has it, or one case of such a policy.
 * Immutable.
 *
 * @param pattern   the pattern of the path
 * @param methods   the methods; empty for all
 * @param path      selects the requests
 * @param policy    the policy; its limits mean nothing if {@code kind} is not {@code LIMITED}, or there are cases
 * @param key       the key of a request
 * @param cost      the permits of a request
 * @param overrides the limits of single keys
 * @param kind      whether limits decide, every request passes, or every request is denied
 * @param when      the conditions of the case; empty if this is not a case
 * @param cases     the cases, which decide instead of this rule; {@code null} if the policy has none
 */
public record ReplayRule(
        String pattern,
        List<String> methods,
        PathRule path,
        Policy policy,
        KeyTemplate key,
        Cost cost,
        Map<String, Allowance> overrides,
        Allowance.Kind kind,
        String when,
        @Nullable ReplayCases cases) {

    /** Creates a rule whose policy has no cases. */
    ReplayRule(
            String pattern,
            List<String> methods,
            PathRule path,
            Policy policy,
            KeyTemplate key,
            Cost cost,
            Map<String, Allowance> overrides) {
        this(pattern, methods, path, policy, key, cost, overrides, Allowance.Kind.LIMITED, "", null);
    }

    /** Returns the rule of one case of this rule's policy. */
    ReplayRule ofCase(String condition, Allowance.Kind kindOfCase, Policy policyOfCase, KeyTemplate keyOfCase) {
        return new ReplayRule(
                pattern, methods, path, policyOfCase, keyOfCase, cost, overrides, kindOfCase, condition, null);
    }

    /** Returns this rule with cases. */
    ReplayRule withCases(ReplayCases added) {
        return new ReplayRule(pattern, methods, path, policy, key, cost, overrides, kind, when, added);
    }

    /** Returns the rules of the cases in order; this rule if it has none. */
    public List<ReplayRule> variants() {
        return cases == null ? List.of(this) : cases.choice().values();
    }

    /** Returns whether the product decides this rule after authentication, because it needs the user. */
    public boolean isAfterAuthentication() {
        return cases == null
                ? key.parts().stream().anyMatch(ReplayRule::needsUser)
                        || cost.given() != null && needsUser(cost.given())
                : cases.choice().isOfUser() || variants().stream().anyMatch(ReplayRule::isAfterAuthentication);
    }

    private static boolean needsUser(KeyTemplate.Part part) {
        return part.source() == KeyTemplate.Source.PRINCIPAL || part.source() == KeyTemplate.Source.PRINCIPAL_OR_IP;
    }

    /** Returns a text that is the same for rules that count the same requests by the same keys, apart from cases. */
    public String traffic() {
        String paths = methods.isEmpty() ? pattern : String.join(",", methods) + " " + pattern;
        String condition = when.isEmpty() ? "" : " if " + when;
        return key + " on " + paths + condition + (cost.equals(Cost.ONE) ? "" : ", " + cost + " permits");
    }

    /** Returns the text of the limits that are replayed, {@code unlimited} or {@code deny}. */
    public String limits() {
        return switch (kind) {
            case LIMITED -> new LimitSet(policy.rateLimits(), null).toString();
            case UNLIMITED -> "unlimited";
            case DENIED -> "deny";
        };
    }
}
