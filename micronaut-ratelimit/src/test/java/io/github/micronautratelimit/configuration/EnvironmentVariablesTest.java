package io.github.micronautratelimit.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.policy.DefaultLimit;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.policy.PathRules;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.MapPropertySource;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import io.micronaut.context.exceptions.ConfigurationException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Properties from environment variables, as on Kubernetes. */
class EnvironmentVariablesTest {

    private static ApplicationContext start(Map<String, Object> file, Map<String, Object> variables) {
        return ApplicationContext.builder("test")
                .propertySources(PropertySource.of("file", file), new Variables(variables))
                .start();
    }

    private static final class Variables extends MapPropertySource {

        Variables(Map<String, Object> variables) {
            super("variables", variables);
        }

        @Override
        public int getOrder() {
            return 1;
        }

        @Override
        public PropertyConvention getConvention() {
            return PropertyConvention.ENVIRONMENT_VARIABLE;
        }
    }

    private static String limits(ApplicationContext context, String policy) {
        return context.getBean(PolicyRegistry.class).get(policy).rateLimits().stream()
                .map(Limit::toString)
                .collect(Collectors.joining("; "));
    }

    @ParameterizedTest
    @CsvSource({
        "role-requests, ROLE_REQUESTS",
        "all-reports, ALL_REPORTS",
        "api-key, API_KEY",
        "write, WRITE",
        "one-two-three-four, ONE_TWO_THREE_FOUR",
        "tier-1, TIER_1",
        "on-error, ON_ERROR"
    })
    void policyTakesPropertiesFromVariables(String policy, String words) {
        Map<String, Object> file = Map.of("ratelimit.policies." + policy + ".limits", "100/h");
        Map<String, Object> variables = Map.of(
                "RATELIMIT_POLICIES_" + words + "_LIMITS",
                "7/h;3/s",
                "RATELIMIT_POLICIES_" + words + "_ON_ERROR",
                "closed");
        for (Map<String, Object> written : List.of(file, Map.<String, Object>of())) {
            try (ApplicationContext context = start(written, variables)) {
                assertEquals("7/h; 3/s", limits(context, policy));
                PolicyRegistry policies = context.getBean(PolicyRegistry.class);
                assertEquals(OnError.CLOSED, policies.get(policy).onError());
                assertEquals(
                        List.of(policy),
                        policies.all().stream().map(Policy::name).toList(),
                        "no other policies");
            }
        }
    }

    @Test
    void limitsOfListComeFromVariables() {
        try (ApplicationContext context = start(
                Map.of(),
                Map.of(
                        "RATELIMIT_POLICIES_ROLE_REQUESTS_LIMITS_0",
                        "7/h",
                        "RATELIMIT_POLICIES_ROLE_REQUESTS_LIMITS_1",
                        "3/s"))) {
            assertEquals("7/h; 3/s", limits(context, "role-requests"));
        }
    }

    @Test
    void elementsOfAnyListComeFromVariables() {
        try (ApplicationContext context = start(
                Map.of(),
                Map.of(
                        "RATELIMIT_EXCLUDE_0", "/a/**",
                        "RATELIMIT_EXCLUDE_1", "/b/**",
                        "RATELIMIT_TRUSTED_PROXIES_0", "10.0.0.0/8"))) {
            RateLimitConfiguration configuration = context.getBean(RateLimitConfiguration.class);
            assertEquals(List.of("/a/**", "/b/**"), configuration.getExclude());
        }
    }

    @Test
    void variablesInLowerCaseAreRead() {
        try (ApplicationContext context = start(
                Map.of(),
                Map.of(
                        "ratelimit_policies_role_requests_limits", "9/h",
                        "Ratelimit_Rules_0_Path", "/a",
                        "ratelimit_rules_0_policy", "role-requests"))) {
            assertEquals("9/h", limits(context, "role-requests"));
            assertEquals(1, context.getBean(PathRules.class).all().size());
        }
    }

    @Test
    void ruleComesFromVariables() {
        try (ApplicationContext context = start(
                Map.of(),
                Map.of(
                        "RATELIMIT_POLICIES_ROLE_REQUESTS_LIMITS",
                        "9/h",
                        "RATELIMIT_RULES_0_PATH",
                        "/a",
                        "RATELIMIT_RULES_0_POLICY",
                        "role-requests",
                        "RATELIMIT_RULES_0_METHODS",
                        "GET,POST",
                        "RATELIMIT_RULES_0_PERMITS",
                        "2",
                        "RATELIMIT_RULES_1_PATH",
                        "/b",
                        "RATELIMIT_RULES_1_METHODS_0",
                        "PUT",
                        "RATELIMIT_RULES_1_POLICY",
                        "role-requests"))) {
            assertEquals(
                    List.of("ratelimit.rules[0]: GET, POST /a costs 2", "ratelimit.rules[1]: PUT /b costs 1"),
                    context.getBean(PathRules.class).all().stream()
                            .map(limit -> limit.location() + " costs " + limit.cost())
                            .toList());
        }
    }

    /** A YAML file has a list of maps, a properties file has names with indexes. */
    @Test
    void variableReplacesPropertyOfRuleInFile() throws IOException {
        Map<String, Object> flat = Map.of(
                "ratelimit.policies.one.limits", "1/h",
                "ratelimit.rules[0].path", "/a",
                "ratelimit.rules[0].methods", "GET",
                "ratelimit.rules[0].policy", "one");
        Map<String, Object> nested = new YamlPropertySourceLoader()
                .read(
                        "file",
                        """
                        ratelimit:
                          policies: { one: { limits: 1/h } }
                          rules: [{ path: /a, methods: [GET], policy: one }]
                        """
                                .getBytes(StandardCharsets.UTF_8));
        for (Map<String, Object> file : List.of(flat, nested)) {
            try (ApplicationContext context = start(file, Map.of("RATELIMIT_RULES_0_METHODS", "POST"))) {
                assertEquals(
                        List.of("ratelimit.rules[0]: POST /a"),
                        context.getBean(PathRules.class).all().stream()
                                .map(LimitBinding::location)
                                .toList());
            }
        }
    }

    @Test
    void overrideComesFromVariables() {
        Map<String, Object> file = Map.of("ratelimit.policies.role-requests.limits", "5/h");
        try (ApplicationContext context = start(
                file,
                Map.of(
                        "RATELIMIT_POLICIES_ROLE_REQUESTS_OVERRIDES_0_KEY",
                        "alice",
                        "RATELIMIT_POLICIES_ROLE_REQUESTS_OVERRIDES_0_LIMITS",
                        "1/h",
                        "RATELIMIT_POLICIES_ROLE_REQUESTS_OVERRIDES_1_KEY",
                        "bob",
                        "RATELIMIT_POLICIES_ROLE_REQUESTS_OVERRIDES_1_LIMITS_0",
                        "2/h"))) {
            PolicyRegistry policies = context.getBean(PolicyRegistry.class);
            Policy policy = policies.get("role-requests");
            assertEquals("[1/h]", policies.forKey(policy, "alice").rateLimits().toString());
            assertEquals("[2/h]", policies.forKey(policy, "bob").rateLimits().toString());
            assertEquals("[5/h]", policies.forKey(policy, "carol").rateLimits().toString());
        }
    }

    @Test
    void casesComeFromOneVariableOrFromOnePerCase() {
        List<Map<String, Object>> spellings = List.of(
                Map.of("RATELIMIT_POLICIES_MY_API_CASES", "anonymous: 60/h by {ip}, role:Gold: 9/s, otherwise: 5/s"),
                Map.of(
                        "RATELIMIT_POLICIES_MY_API_CASES_0",
                        "anonymous: 60/h by {ip}",
                        "RATELIMIT_POLICIES_MY_API_CASES_1",
                        "role:Gold: 9/s",
                        "RATELIMIT_POLICIES_MY_API_CASES_2",
                        "otherwise: 5/s"),
                Map.of(
                        "RATELIMIT_POLICIES_MY_API_CASES_0_WHEN",
                        "anonymous",
                        "RATELIMIT_POLICIES_MY_API_CASES_0_LIMITS",
                        "60/h",
                        "RATELIMIT_POLICIES_MY_API_CASES_0_KEY",
                        "{ip}",
                        "RATELIMIT_POLICIES_MY_API_CASES_1",
                        "role:Gold: 9/s",
                        "RATELIMIT_POLICIES_MY_API_LIMITS",
                        "5/s"));
        for (Map<String, Object> variables : spellings) {
            try (ApplicationContext context = start(Map.of(), variables)) {
                assertEquals(
                        List.of("60/h", "9/s", "5/s"),
                        context.getBean(PolicyRegistry.class).all().stream()
                                .map(policy -> policy.rateLimits().get(0).toString())
                                .toList(),
                        variables.toString());
                assertEquals(
                        "my-api:role:Gold",
                        context.getBean(PolicyRegistry.class).all().get(1).name());
            }
        }
    }

    @Test
    void defaultAndExemptionsComeFromVariables() {
        try (ApplicationContext context = start(
                Map.of("ratelimit.policies.api.limits", "5/h"),
                Map.of(
                        "RATELIMIT_DEFAULT",
                        "100/min by {principal-or-ip}",
                        "RATELIMIT_POLICIES_API_EXEMPT",
                        "10.0.0.0/8,2001:db8::/32",
                        "RATELIMIT_RULES_0_PATH",
                        "/**",
                        "RATELIMIT_RULES_0_POLICY",
                        "api",
                        "RATELIMIT_RULES_0_SKIP",
                        "upgrades,assets"))) {
            LimitBinding limit =
                    Objects.requireNonNull(context.getBean(DefaultLimit.class).get());
            assertEquals("[100/min]", limit.policy().rateLimits().toString());
            assertEquals("{principal-or-ip}", String.valueOf(limit.key()));
            LimitBinding rule =
                    context.getBean(PathRules.class).all().iterator().next();
            assertEquals(List.of(), Objects.requireNonNull(rule.cases()).of(() -> "2001:db8::/64", () -> 0));
            assertEquals(
                    1,
                    Objects.requireNonNull(rule.cases())
                            .of(() -> "11.0.0.1", () -> 0)
                            .size());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "RATELIMIT_RULES_0_PTH | /a | The environment variable RATELIMIT_RULES_0_PTH sets no property, because "
                        + "`ratelimit.rules[0].pth` is unknown; did you mean `ratelimit.rules[0].path`?",
                "RATELIMIT_POLICIES_WRITE_LIMIT | 1/s | The environment variable RATELIMIT_POLICIES_WRITE_LIMIT sets no "
                        + "property, because `ratelimit.policies.write.limit` is unknown; did you mean "
                        + "`ratelimit.policies.write.limits`?",
                "RATELIMIT_POLICES_WRITE_LIMITS | 1/s | The environment variable RATELIMIT_POLICES_WRITE_LIMITS sets no "
                        + "property, because `ratelimit.polices.write.limits` is unknown; did you mean "
                        + "`ratelimit.policies.write.limits`?",
                "RATELIMIT_RULE_0_PATH | /a | The environment variable RATELIMIT_RULE_0_PATH sets no property, because "
                        + "`ratelimit.rule[0].path` is unknown; did you mean `ratelimit.rules[0].path`?",
                "RATELIMIT_ONERROR | open | The environment variable RATELIMIT_ONERROR sets no property, because "
                        + "`ratelimit.onerror` is unknown; did you mean `ratelimit.on-error`?",
                "RATELIMIT_POLICY_WRITE_LIMITS | 1/s | The environment variable RATELIMIT_POLICY_WRITE_LIMITS sets no "
                        + "property, because `ratelimit.policy.write.limits` is unknown; did you mean "
                        + "`ratelimit.policies.write.limits`?",
                "RATELIMIT_RULES_PATH | /a | The environment variable RATELIMIT_RULES_PATH sets no property, because "
                        + "`ratelimit.rules.path` is unknown; did you mean `ratelimit.rules[0].path`?",
                "RATELIMIT_TRUSTED_PROXY | 1 | The environment variable RATELIMIT_TRUSTED_PROXY sets no property, because "
                        + "`ratelimit.trusted-proxy` is unknown; did you mean `ratelimit.trusted-proxies`?",
                "RATELIMIT_DEFAULT_LIMITS | 1/h | The environment variable RATELIMIT_DEFAULT_LIMITS sets no property, "
                        + "because `ratelimit.default.limits` is unknown; did you mean `ratelimit.default`?",
                "RATE_LIMIT_RULES_0_PATH | /a | The environment variable RATE_LIMIT_RULES_0_PATH sets no property; did "
                        + "you mean RATELIMIT_RULES_0_PATH?",
                "rate_limits_policies_write_limits | 1/s | The environment variable rate_limits_policies_write_limits "
                        + "sets no property; did you mean RATELIMIT_POLICIES_WRITE_LIMITS?",
                "RATELIMITER_RULES_1_POLICY | a | The environment variable RATELIMITER_RULES_1_POLICY sets no property; "
                        + "did you mean RATELIMIT_RULES_1_POLICY?",
                "MICRONAUT_RATELIMIT_ON_ERROR | open | The environment variable MICRONAUT_RATELIMIT_ON_ERROR sets no "
                        + "property; did you mean RATELIMIT_ON_ERROR?",
                "RATELIMIT_ON_ERROR | '' | ratelimit.on-error = \"\" is invalid; write one of open, closed, local.",
                "RATELIMIT_ON_ERROR | never | ratelimit.on-error = \"never\" is invalid; write one of open, closed, local.",
                "RATELIMIT_DEADLINE | '' | ratelimit.deadline = \"\" is invalid; write a duration such as 100ms, 10s or "
                        + "1m.",
                "RATELIMIT_INSTANCES | '' | ratelimit.instances = \"\" is invalid; write a whole number.",
                "RATELIMIT_MEMORY_MAX_KEYS | 3000000000 | ratelimit.memory.max-keys = \"3000000000\" is invalid; write a "
                        + "whole number.",
                "RATELIMIT_EXCLUDE_DEFAULTS | no | ratelimit.exclude-defaults = \"no\" is invalid; write true or false.",
            })
    void variableOfUnknownPropertyOrInvalidValueFailsStart(String variable, String value, String message) {
        Throwable failure = assertThrows(RuntimeException.class, () -> start(Map.of(), Map.of(variable, value))
                .close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        assertEquals(message, failure.getMessage());
    }

    @Test
    void variablesOfKubernetesServicesAreIgnored() {
        Map<String, Object> variables = Map.of(
                "RATELIMIT_PORT", "tcp://10.0.0.1:80",
                "RATELIMIT_PORT_80_TCP", "tcp://10.0.0.1:80",
                "RATELIMIT_SERVICE_HOST", "10.0.0.1",
                "RATELIMIT_COLOR", "green",
                "RATELIMIT_RULES_PORT", "tcp://10.0.0.1:80",
                "RATELIMIT_RULES_SERVICE_PORT_HTTP", "80",
                "RATE_LIMIT_ENABLED", "maybe",
                "RATE_LIMIT_PORT_80_TCP", "tcp://10.0.0.1:80",
                "RATELIMIT_POLICIES_WEB_PORT_80_TCP_ADDR", "10.0.0.1");
        try (ApplicationContext context = start(Map.of(), variables)) {
            assertEquals(List.of(), context.getBean(PolicyRegistry.class).all());
        }
    }
}
