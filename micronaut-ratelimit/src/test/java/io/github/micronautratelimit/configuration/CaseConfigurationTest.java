package io.github.micronautratelimit.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Cases in the configuration: refusals, and the policies that they become. */
class CaseConfigurationTest {

    private static ApplicationContext start(String yaml, Map<String, Object> further) throws IOException {
        Map<String, Object> all = new HashMap<>(further);
        all.put("micronaut.server.port", -1);
        EmbeddedServer server = ApplicationContext.builder("test")
                .propertySources(
                        PropertySource.of(
                                "file",
                                new YamlPropertySourceLoader()
                                        .read("file", ("ratelimit: " + yaml).getBytes(StandardCharsets.UTF_8))),
                        PropertySource.of("further", all))
                .run(EmbeddedServer.class);
        return server.getApplicationContext();
    }

    private static String failure(String yaml, Map<String, Object> further) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> start(yaml, further).close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        return String.valueOf(failure.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{ cases: [\"guest: 1/s\"], limits: 2/s } | .cases[0] = \"guest\": unknown condition; write anonymous,",
                "{ cases: [{ guest: 1/s }], limits: 2/s } | .cases[0] = \"guest\": unknown condition; write anonymous,",
                "{ cases: [{ whem: anonymous, limits: 1/s }], limits: 2/s } | Unknown property `ratelimit.policies.api.cases[0].whem`;"
                        + " the properties of a case are [when, limits, key].",
                "{ cases: [{ limits: 1/s }], limits: 2/s } | .cases[0] = A case has no condition; write a case like",
                "{ cases: [{ when: anonymous }], limits: 2/s } | .cases[0] = \"\" contains no limit; write one such as"
                        + " \"100/min\", or \"unlimited\" or \"deny\".",
                "{ cases: [{ when: anonymous, limits: [1/s, deny] }], limits: 2/s } | .cases[0] = \"deny\"",
                "{ cases: [\"role:gold: 1/s\"] } | .cases leaves some requests without limits; add limits for them,",
                "{ cases: [\"otherwise: 1/s\"], limits: 2/s } | .limits would never apply, because cases[0]",
                "{ cases: [\"otherwise: 1/s by {ip}\"], key: \"{principal}\" } | .key = \"{principal}\" would never apply,"
                        + " because every case has a key of its own; remove it, or the key of a case.",
                "{ cases: [\"otherwise: 1/s\"], key: ip } | .key: The key \"ip\" has no placeholder,",
                "{ limits: 1/s, exempt: 10.0.0.0/40 } | .exempt: \"10.0.0.0/40\" is not a range of addresses; write one",
                "{ limits: 1/s, exempt: [10.0.0.0/8, 10.1.0.0/16] } | .exempt: \"10.1.0.0/16\" lies within \"10.0.0.0/8\",",
                "{ exempt: 10.0.0.0/8 } | .limits is missing; write at least one limit, such as \"100/min\".",
                "{ cases: [\"otherwise: 1/s\"], hold-at-most: 9s } | : The policy \"api:otherwise\" has no concurrency limit,",
                "{ cases: [\"anonymous: 1/s by {bean:none}\"], limits: 1/s } | The key \"{bean:none}\" of ratelimit.rules[0]: /**"
                        + " names the bean \"none\",",
                "{ cases: [\"anonymous: 1/s by {path:id}\"], limits: 1/s } | ratelimit.rules[0]: /** uses {path:id}, but no route",
                "{ limits: 1/s, exempt: \"2001:db8::7\" } | : \"2001:db8::7\" is a part of one client,",
                "{ limits: 1/s, overrides: [{ key: 192.0.2.1, limits: [deny, 1/s] }] } | .overrides[0].limits = \"deny\"",
                "{ cases: [\"ip:10.1.0.0/16: deny\", \"ip:10.0.0.0/8: unlimited\"], limits: 1/s } | .\"10.1.0.0/16\" of cases[0]"
                        + " and \"10.0.0.0/8\" of cases[1] overlap and have different limits;",
            })
    void invalidCaseFailsStart(String policy, String start) {
        String message =
                failure("{ policies: { api: " + policy + " }, rules: [{ path: /**, policy: api }] }", Map.of());
        String expected = start.startsWith(".") || start.startsWith(":") ? "ratelimit.policies.api" + start : start;
        assertEquals(expected, message.substring(0, Math.min(expected.length(), message.length())), message);
    }

    @Test
    void keyOfRuleThatNoCaseUsesFailsStart() {
        assertEquals(
                "ratelimit.rules[0]: /** has a key that would never apply, because every case of the policy \"api\" has its"
                        + " own; remove it.",
                failure(
                        "{ policies: { api: { cases: [\"otherwise: 1/s by {ip}\"] } },"
                                + " rules: [{ path: /**, policy: api, key: \"{principal}\" }] }",
                        Map.of()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{ default: 1 per second } | ratelimit.default = \"1 per second\"",
                "{ default: 1/s by ip } | ratelimit.default: The key \"ip\" has no placeholder,",
                "{ default: \"1/s by {bean:none}\" } | The key \"{bean:none}\" of ratelimit.default names the bean \"none\",",
                "{ default: 1/s, policies: { default: { limits: 2/s } } } | ratelimit.default = \"1/s\" would be a second policy"
                        + " of the name \"default\"; write ratelimit.default: default, or give ratelimit.policies.default another"
                        + " name.",
                "{ policies: { a: { limits: 1/s } }, rules: [{ path: /a, policy: a, skip: [pages] }] } | ratelimit.rules[0].skip ="
                        + " \"pages\" is invalid; write upgrades, assets or both.",
            })
    void invalidDefaultOrSkipFailsStart(String yaml, String start) {
        String message = failure(yaml, Map.of());
        assertEquals(start, message.substring(0, Math.min(start.length(), message.length())), message);
    }

    @Test
    void caseOnMethodWithoutRequestFailsStart() {
        String location = "@RateLimit on " + Jobs.class.getName() + ".run()";
        assertEquals(
                location
                        + " is on a method without requests, but the cases of the policy \"api\" need one; write the limit"
                        + " on a route, or name a policy whose cases depend on the time only.",
                failure(
                        "{ policies: { api: { cases: [\"anonymous: 1/s\"], limits: 2/s } } }",
                        Map.of("spec", "CaseConfigurationTest")));
    }

    @Test
    void timeOfDayWorksOnMethodWithoutRequest() throws IOException {
        try (ApplicationContext context = start(
                "{ policies: { api: { cases: [\"time:00:00-12:00 UTC: 2/h\", \"otherwise: 1/h\"] } } }",
                Map.of("spec", "CaseConfigurationTest"))) {
            Jobs jobs = context.getBean(Jobs.class);
            jobs.run();
            jobs.run();
            assertThrows(RuntimeException.class, jobs::run);
        }
    }

    @Test
    void casesArePoliciesWithPropertiesOfTheirPolicy() throws IOException {
        try (ApplicationContext context = start(
                "{ policies: { api: { cases: [\"anonymous: 1/s\", \"ip:10.0.0.0/8: deny\"], limits: 2/s; 3 concurrent,"
                        + " max-wait: 9s, hold-at-most: 5s } } }",
                Map.of())) {
            PolicyRegistry policies = context.getBean(PolicyRegistry.class);
            assertEquals(
                    List.of("api:anonymous", "api"),
                    policies.all().stream().map(Policy::name).toList());
            assertEquals("PT9S", String.valueOf(policies.all().get(0).maxWait()));
            assertEquals("PT5S", String.valueOf(policies.get("api").holdAtMost()));
        }
    }

    @Test
    void codeCannotUsePolicyWithCasesOnly() throws IOException {
        try (ApplicationContext context = start("{ policies: { api: { cases: [\"otherwise: 1/s\"] } } }", Map.of())) {
            PolicyRegistry policies = context.getBean(PolicyRegistry.class);
            assertEquals(
                    "The policy \"api\" named by the application's code has only cases, which need a request; add"
                            + " ratelimit.policies.api.limits, or name a policy without cases.",
                    assertThrows(ConfigurationException.class, () -> policies.get("api"))
                            .getMessage());
        }
    }

    @Singleton
    @Requires(property = "spec", value = "CaseConfigurationTest")
    static class Jobs {

        @RateLimit(policy = "api")
        void run() {}
    }
}
