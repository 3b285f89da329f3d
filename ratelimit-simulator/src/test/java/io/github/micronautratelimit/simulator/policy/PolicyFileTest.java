package io.github.micronautratelimit.simulator.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
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
                "ratelimit.policies.a.cost in a.yml is not known to the simulator, so the replay would differ"
                        + " from the application; pass a copy of the file without it.",
                refusal("ratelimit: {policies: {a: {limits: 1/s, cost: 2}}}"));
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

    private static List<String> variants(Candidate candidate) {
        return candidate.rules().stream()
                .flatMap(rule -> rule.variants().stream())
                .map(rule -> rule.policy().name() + " = " + rule.limits() + " by " + rule.key())
                .toList();
    }

    @Test
    void casesHaveAllFormsOfTheProduct() {
        Candidate candidate = read(
                """
                ratelimit:
                  default-key: "{query:default}"
                  policies:
                    a:
                      exempt: [10.0.0.0/8, "2001:db8::/32"]
                      cases:
                        - "ip:198.51.100.0/24: deny"
                        - header:X-Plan=Gold and method:POST: ${simulator.test.limit:7/min} by {header:X-Plan}
                        - {when: [authenticated, "path:/b/**"], limits: [4/s, 9/min], key: "{principal}"}
                        - when: anonymous
                          limits: unlimited
                      limits: 1/s
                  rules:
                    - {path: "/**", policy: a, key: "{header:X-Rule}"}
                """);
        assertEquals(
                List.of(
                        "a:ip:198.51.100.0/24 = deny by {header:X-Rule}",
                        "a:header:x-plan=Gold+method:POST = 7/min by {header:X-Plan}",
                        "a:authenticated+path:/b/** = 4/s; 9/min by {principal}",
                        "a:anonymous = unlimited by {header:X-Rule}",
                        "a = 1/s by {header:X-Rule}"),
                variants(candidate));
        assertTrue(candidate.rules().get(0).isAfterAuthentication());
    }

    @Test
    void policyIsDecidedAfterAuthenticationIfACaseOrItsKeyNeedsTheUser() {
        for (String line : List.of("authenticated: 1/s by {ip}", "method:POST: 1/s by {principal}")) {
            assertTrue(
                    read("ratelimit.policies.a: {limits: 1/s, cases: [\"" + line + "\"]}")
                            .rules()
                            .get(0)
                            .isAfterAuthentication(),
                    line);
        }
        assertFalse(read("ratelimit.policies.a: {limits: 1/s, cases: [\"method:POST: 1/s\"]}")
                .rules()
                .get(0)
                .isAfterAuthentication());
    }

    @Test
    void settingsOfThePolicyApplyToItsCases() {
        Candidate candidate = read("ratelimit.policies.a: {cases: [\"method:POST: 1/s\", \"otherwise: 2/s\"],"
                + " charge-on: 4xx, block: 5min after 3 denials in 1min}");
        assertEquals(
                List.of("charge-on: 4xx", "charge-on: 4xx"),
                candidate.rules().get(0).variants().stream()
                        .map(rule -> String.valueOf(rule.policy().outcomes()))
                        .toList());
        assertTrue(candidate.rules().get(0).variants().stream()
                .allMatch(rule -> rule.policy().block() != null));
    }

    @Test
    void givenKeyReplacesTheKeysOfCases() {
        String yaml = "ratelimit.policies.a: {cases: [\"anonymous: 1/s by {ip}\", \"authenticated: 2/s by"
                + " {principal}\"]}";
        assertEquals(
                List.of("a:anonymous = 1/s by {global}", "a:authenticated = 2/s by {global}"),
                variants(PolicyFile.read("a.yml", yaml, Map.of(), "{global}")));
    }

    @Test
    void casesAreMatchedWithinTheContextPath() {
        Candidate candidate = read("micronaut.server.context-path: /shop\n"
                + "ratelimit.policies.a: {cases: [\"path:/b/**: 1/s\"], limits: 2/s}");
        ReplayCases cases = candidate.rules().get(0).cases();
        assertNotNull(cases);
        WebRequest request = new WebRequest() {
            @Override
            public String address() {
                return "192.0.2.1";
            }

            @Override
            public RequestPath path() {
                return new RequestPath("/shop/b/c");
            }
        };
        assertEquals("1/s", cases.choice().of(request, () -> 0).get(0).limits());
    }

    @Test
    void shadowModesAndSkippedRequestsAreNoted() {
        assertEquals(
                List.of(
                        "ratelimit.shadow is true, so the application denies nothing; all policies are replayed as if"
                                + " they denied.",
                        "The policy \"a\" is in shadow mode; it is replayed as if it denied.",
                        "The rule for /x is in shadow mode; it is replayed as if it denied.",
                        "The rule for /x skips upgrades and assets, which a log does not tell from other requests; they"
                                + " are replayed under the rule."),
                read("""
                                ratelimit:
                                  shadow: true
                                  policies: {a: {limits: 1/s, mode: shadow}}
                                  rules: [{path: /x, policy: a, mode: shadow, skip: [upgrades, assets]}]
                                """)
                        .notes());
    }

    @Test
    void invalidCasesAndRulesAreRefusedWithOneSentence() {
        assertEquals(
                "ratelimit.policies.a in a.yml: cases leaves some requests without limits; add limits for them, or a last"
                        + " case such as \"otherwise: unlimited\".",
                refusal("ratelimit.policies.a.cases: [\"anonymous: 1/s\"]"));
        assertEquals(
                "ratelimit.policies.a.cases[0].limit in a.yml is not known to the simulator, so the replay would differ"
                        + " from the application; pass a copy of the file without it.",
                refusal("ratelimit.policies.a: {limits: 1/s, cases: [{when: anonymous, limit: 2/s}]}"));
        assertEquals(
                "ratelimit.policies.a in a.yml: \"2001:db8::/96\" is a part of one client, because all addresses of an"
                        + " IPv6 prefix of 64 bits count as one; write a range of at most 64 bits, or set ipv6-prefix to"
                        + " 96.",
                refusal("ratelimit.policies.a: {limits: 1/s, exempt: \"2001:db8::/96\"}"));
        assertEquals(
                "The policy \"a:anonymous\" in a.yml cannot be replayed, because it has only a concurrency limit and a log"
                        + " does not say how long requests took; pass a copy of the file with a rate limit, or without the"
                        + " policy.",
                refusal("ratelimit.policies.a: {limits: 1/s, cases: [\"anonymous: 5 concurrent\"]}"));
        String rule = "ratelimit: {policies: {a: {limits: 1/s}}, rules: [{path: /x, policy: a, %s}]}";
        assertEquals(
                "ratelimit.rules[0].mode = \"prefetch\" in a.yml is invalid; write exact or shadow.",
                refusal(rule.formatted("mode: prefetch")));
        assertEquals(
                "ratelimit.rules[0].skip = \"files\" in a.yml is invalid; write upgrades, assets or both.",
                refusal(rule.formatted("skip: [files]")));
        assertEquals(
                "ratelimit.rules[0].cost in a.yml is not known to the simulator, so the replay would differ from the"
                        + " application; pass a copy of the file without it.",
                refusal(rule.formatted("cost: 2")));
    }
}
