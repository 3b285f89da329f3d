package io.github.micronautratelimit.simulator.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PolicyFileTest {

    private static Candidate read(String yaml) {
        return PolicyFile.read("a.yml", yaml, Map.of(), null);
    }

    private static String refusal(String yaml) {
        return assertThrows(InvalidPolicyException.class, () -> read(yaml)).getMessage();
    }

    @Test
    void defaultExclusionsAreThoseOfTheProduct() {
        assertEquals(RateLimitConfiguration.DEFAULT_EXCLUDES, PolicyFile.DEFAULT_EXCLUDES);
    }

    @Test
    void nestedNamesDottedNamesAndCamelCaseMeanTheSame() {
        Candidate nested = read("ratelimit: {policies: {write: {limits: [10/s, 5/min], refund-on: 4xx}}}");
        Candidate dotted =
                read("ratelimit.policies.write.limits: \"10/s; 5/min\"\nratelimit.policies.write.refundOn: [4xx]");
        assertEquals(nested.rules().get(0).policy(), dotted.rules().get(0).policy());
        assertEquals("refund-on: 4xx", dotted.rules().get(0).policy().outcomes());
    }

    @Test
    void keyOfRuleComesBeforeThatOfPolicyAndDefault() {
        Candidate candidate = read(
                """
                ratelimit:
                  default-key: "{query:default}"
                  policies:
                    a: {limits: 1/s, key: "{header:X-Policy}"}
                    b: {limits: 1/s}
                  rules:
                    - {path: "/1", policy: a, key: "{header:X-Rule}"}
                    - {path: "/2", policy: a}
                    - {path: "/3", policy: b}
                """);
        assertEquals(
                List.of("{header:X-Rule}", "{header:X-Policy}", "{query:default}"),
                candidate.rules().stream().map(rule -> rule.key().text()).toList());
        Candidate replaced =
                PolicyFile.read("a.yml", "ratelimit.policies.a: {limits: 1/s, key: \"{principal}\"}", Map.of(), "{ip}");
        assertEquals("{ip}", replaced.rules().get(0).key().text());
    }

    @Test
    void policyWithoutRuleAppliesToAllRequestsOrToTheGivenPath() {
        String yaml = "ratelimit.policies.a.limits: 1/s";
        Candidate everywhere = read(yaml);
        assertEquals("/**", everywhere.rules().get(0).pattern());
        assertEquals(
                List.of(
                        "No rule names the policy \"a\", so it is replayed on all requests; pass --apply a=/PATH/** for the"
                                + " paths of its annotations."),
                everywhere.notes());
        Candidate applied = PolicyFile.read("a.yml", yaml, Map.of("a", "/api/**"), null);
        assertEquals("/api/**", applied.rules().get(0).pattern());
        assertEquals(List.of(), applied.notes());
    }

    @Test
    void placeholdersHaveTheirDefaults() {
        assertEquals(
                "[7/min]",
                read("other: ${no.default}\nratelimit.policies.a.limits: ${simulator.test.limit:7/min}")
                        .rules()
                        .get(0)
                        .policy()
                        .rateLimits()
                        .toString());
        assertEquals(
                "ratelimit.policies.a.limits in a.yml contains ${simulator.test.limit}, which has no value; set the"
                        + " environment variable SIMULATOR_TEST_LIMIT.",
                refusal("ratelimit.policies.a.limits: ${simulator.test.limit}"));
    }

    @Test
    void invalidFilesAreRefusedWithOneSentence() {
        assertEquals(
                "The file a.yml has no ratelimit.policies; pass an application.yml with policies, or --limit \"100/min\""
                        + " --key \"{ip}\".",
                refusal("micronaut: {}"));
        assertEquals(
                "ratelimit.policies.a.cases[0].limits in a.yml is not known to the simulator, so the replay would differ"
                        + " from the application; pass a copy of the file without it.",
                refusal("ratelimit: {policies: {a: {limits: 1/s, cases: [{limits: 2/s}]}}}"));
        assertEquals(
                "The policy \"a\" in a.yml cannot be replayed, because it has only a concurrency limit and a log does not"
                        + " say how long requests took; pass a copy of the file with a rate limit, or without the policy.",
                refusal("ratelimit.policies.a.limits: 5 concurrent"));
        assertEquals(
                "The policy \"a\" in a.yml depends on the exception java.io.IOException, which no log contains; pass a copy"
                        + " of the file with statuses, such as 4xx.",
                refusal("ratelimit.policies.a: {limits: 1/s, charge-on: java.io.IOException}"));
        assertEquals(
                "A rule in a.yml names the policy \"b\", which is missing; name one of [a].",
                refusal("ratelimit: {policies: {a: {limits: 1/s}}, rules: [{path: /x, policy: b}]}"));
        assertEquals(
                "The policies in a.yml are not valid YAML (while parsing a flow mapping); correct the file.",
                refusal("ratelimit: {policies"));
        assertEquals(
                "--apply names the policy \"z\", which a.yml does not contain; name one of [a].",
                assertThrows(
                                InvalidPolicyException.class,
                                () -> PolicyFile.read(
                                        "a.yml", "ratelimit.policies.a.limits: 1/s", Map.of("z", "/"), null))
                        .getMessage());
        String malformed = refusal("ratelimit.policies.a.limits: 10 per second");
        assertEquals("ratelimit.policies.a in a.yml: ", malformed.substring(0, 31));
    }

    @Test
    void whatIsNotReplayedIsNoted() {
        assertEquals(
                List.of(
                        "The policy \"a\" has max-wait; requests that would wait are counted as denied.",
                        "The limit \"5 concurrent\" of the policy \"a\" is not replayed, because a log does not say how long"
                                + " requests took."),
                read("ratelimit: {policies: {a: {limits: [1/s, 5 concurrent], max-wait: 1s}},"
                                + " rules: [{path: /x, policy: a}]}")
                        .notes());
    }
}
