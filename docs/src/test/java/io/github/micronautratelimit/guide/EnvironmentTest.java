package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.HttpConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.policy.PathRules;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.MapPropertySource;
import io.micronaut.context.env.PropertySource.PropertyConvention;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Starts applications with the environment variables of the chapter on configuration, and of its manifest. */
class EnvironmentTest {

    private static final Pattern VARIABLE = Pattern.compile("`\\+(RATELIMIT_\\w+)=(.*?)\\+`");

    private static Map<String, Object> table() throws IOException {
        Map<String, Object> variables = new LinkedHashMap<>();
        VARIABLE.matcher(Files.readString(Path.of("configuration.adoc")))
                .results()
                .forEach(found -> variables.put(found.group(1), found.group(2)));
        return variables;
    }

    private static ApplicationContext start(Map<String, Object> variables) {
        return ApplicationContext.builder("test")
                .propertySources(new MapPropertySource("variables", variables) {
                    @Override
                    public PropertyConvention getConvention() {
                        return PropertyConvention.ENVIRONMENT_VARIABLE;
                    }
                })
                .start();
    }

    @Test
    void everyVariableOfTableSetsItsSetting() throws IOException {
        Map<String, Object> variables = table();
        assertEquals(18, variables.size(), "16 settings, two of which need two variables");
        variables.remove("RATELIMIT_ENABLED");
        variables.put("RATELIMIT_BACKEND", "memory");
        try (ApplicationContext context = start(variables)) {
            RateLimitConfiguration general = context.getBean(RateLimitConfiguration.class);
            assertEquals("memory", general.getBackend());
            assertEquals("shop", general.getNamespace());
            assertEquals(List.of("100/min"), general.getDefault());
            assertEquals("{principal-or-ip}", general.getDefaultKey());
            assertEquals(List.of("/probes/**"), general.getExclude());
            assertEquals(OnError.CLOSED, general.getOnError());
            assertEquals(Duration.ofMillis(50), general.findDeadline().orElseThrow());
            assertEquals(3, general.getInstances());
            assertEquals(
                    List.of("10.0.0.0/8"),
                    context.getBean(HttpConfiguration.class).getTrustedProxies());
            PolicyRegistry policies = context.getBean(PolicyRegistry.class);
            assertEquals(
                    List.of("api:anonymous", "api:authenticated", "write-requests"),
                    policies.all().stream().map(Policy::name).toList());
            Policy write = policies.get("write-requests");
            assertEquals("[10/s, 1000/h]", write.rateLimits().toString());
            assertEquals("{api-key}", String.valueOf(policies.keyOf("write-requests")));
            assertEquals(
                    "unlimited",
                    policies.overridesOf("write-requests").get("partner").toString());
        }
    }

    @Test
    void variableRemovesAllLimits() throws IOException {
        Map<String, Object> variables = table();
        variables.put("RATELIMIT_BACKEND", "memory");
        try (ApplicationContext context = start(variables)) {
            assertFalse(context.containsBean(PathRules.class));
        }
    }

    @Test
    void manifestContainsVariablesOfTable() throws IOException {
        Map<String, Object> table = table();
        Object env = new YamlPropertySourceLoader()
                .read("manifest", Source.named("environment.yaml#env").text().getBytes(StandardCharsets.UTF_8))
                .get("env");
        Map<String, Object> variables = new LinkedHashMap<>();
        ((List<?>) env).forEach(each -> {
            Map<?, ?> variable = (Map<?, ?>) each;
            variables.put(String.valueOf(variable.get("name")), variable.get("value"));
        });
        assertTrue(variables.size() >= 7, variables.toString());
        variables.forEach((name, value) -> assertEquals(table.get(name), value, name));
        try (ApplicationContext context = start(variables)) {
            assertTrue(context.isRunning());
        }
    }
}
