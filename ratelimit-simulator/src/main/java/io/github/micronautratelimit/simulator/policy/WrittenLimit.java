package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.github.micronautratelimit.web.PathRule;
import java.util.List;
import java.util.Map;

/** Makes candidates of limits that are written on the command line. */
public final class WrittenLimit {

    private WrittenLimit() {}

    /**
     * Returns a candidate of one policy on one path.
     *
     * @param limits one limit or more, such as {@code 100/min}
     * @param key    the key, such as <code>{ip}</code>
     * @param path   a pattern of paths
     * @return a candidate whose name is the text of the limits
     * @throws InvalidPolicyException if an argument is malformed
     */
    public static Candidate read(String limits, String key, String path) {
        try {
            Policy policy = Policy.of("limit", limits);
            if (policy.rateLimits().isEmpty()) {
                throw new InvalidPolicyException(
                        "--limit \"" + limits + "\" cannot be replayed, because a log does not say"
                                + " how long requests took; pass a rate limit, such as \"100/min\".");
            }
            KeyTemplate template = KeyTemplate.parse(key);
            LimitCheck.requireBraces(template);
            ReplayRule rule = new ReplayRule(
                    path, List.of(), new PathRule(path, List.of()), policy, template, Cost.ONE, Map.of());
            return new Candidate(limits, List.of(rule), List.of(), List.of(), "", Candidate.IPV6_BITS, true, List.of());
        } catch (IllegalArgumentException e) {
            throw new InvalidPolicyException("--limit, --key or --path is invalid: " + e.getMessage());
        }
    }
}
