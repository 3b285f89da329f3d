package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.PathRule;
import java.util.List;
import java.util.Map;

/**
 * A policy on the requests of a path, as a rule of {@code ratelimit.rules} has it. Immutable.
 *
 * @param pattern   the pattern of the path
 * @param methods   the methods; empty for all
 * @param path      selects the requests
 * @param policy    the policy
 * @param key       the key of a request
 * @param cost      the permits of a request
 * @param overrides the limits of single keys
 */
public record ReplayRule(
        String pattern,
        List<String> methods,
        PathRule path,
        Policy policy,
        KeyTemplate key,
        Cost cost,
        Map<String, LimitSet> overrides) {

    /** Returns whether the product decides this rule after authentication, because it needs the user. */
    public boolean isAfterAuthentication() {
        return key.parts().stream().anyMatch(ReplayRule::needsUser) || cost.given() != null && needsUser(cost.given());
    }

    private static boolean needsUser(KeyTemplate.Part part) {
        return part.source() == KeyTemplate.Source.PRINCIPAL || part.source() == KeyTemplate.Source.PRINCIPAL_OR_IP;
    }

    /** Returns a text that is the same for rules that count the same requests by the same keys. */
    public String traffic() {
        String paths = methods.isEmpty() ? pattern : String.join(",", methods) + " " + pattern;
        return key + " on " + paths + (cost.equals(Cost.ONE) ? "" : ", " + cost + " permits");
    }
}
