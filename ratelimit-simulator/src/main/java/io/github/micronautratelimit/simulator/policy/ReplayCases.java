package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.web.CaseChoice;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.PolicyCase;
import io.github.micronautratelimit.web.PolicyCases;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The cases of a rule's policy, each as a rule of its own. Immutable.
 *
 * @param choice       chooses the rules of a request
 * @param placeholders what the conditions read of a request, as placeholders of keys
 * @param conditions   a text that is the same for cases that divide requests in the same way
 */
public record ReplayCases(CaseChoice<ReplayRule> choice, List<KeyTemplate.Part> placeholders, String conditions) {

    /** Makes a rule of each case. */
    static ReplayCases of(PolicyCases cases, Function<PolicyCase, ReplayRule> rules) {
        return new ReplayCases(
                cases.map(rules),
                cases.all().stream().flatMap(one -> one.placeholders().stream()).toList(),
                Stream.concat(
                                cases.exempt().stream().map(range -> "exempt " + range),
                                cases.all().stream().map(PolicyCase::when))
                        .toList()
                        .toString());
    }
}
