package io.github.micronautratelimit.configuration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.policy.PathRules;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.MapPropertySource;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import io.micronaut.context.exceptions.ConfigurationException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Unknown properties and invalid values fail start-up, with one sentence that says what to write. */
class ConfigurationValidatorTest {

    /** The framework drops elements that the list of a source with precedence does not have. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ratelimit.rules | ratelimit.rules[1].path",
                "ratelimit.policies.one.overrides | ratelimit.policies.one.overrides[1].key"
            })
    void elementThatListOfOtherSourceLacksFailsStart(String list, String element) {
        Map<String, Object> shortList = Map.of(
                "ratelimit.policies.one.limits",
                "1/h",
                list,
                list.endsWith("rules")
                        ? List.of(Map.of("path", "/a", "policy", "one"))
                        : List.of(Map.of("key", "a", "limits", "1/h")));
        Throwable failure = assertThrows(RuntimeException.class, () -> ApplicationContext.builder("test")
                .propertySources(source("file", shortList, 10), source("elements", Map.of(element, "/b"), 0))
                .start()
                .close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        assertEquals(
                "`" + element + "` would be ignored, because the list `" + list
                        + "` of another property source has only 1 element; write the whole list in one source.",
                failure.getMessage());
    }

    /** A file of an environment may have fewer rules than the file that it overrides. */
    @Test
    void shorterListOfFileReplacesLongerList() throws IOException {
        String policies = "ratelimit:\n  policies:\n    one:\n      limits: 1/h\n";
        String longer = policies + "  rules:\n    - path: /a\n      policy: one\n    - path: /b\n      policy: one\n";
        String shorter = "ratelimit:\n  rules:\n    - path: /c\n      policy: one\n";
        try (ApplicationContext context = ApplicationContext.builder("test")
                .propertySources(source("override", yaml(shorter), 10), source("file", yaml(longer), 0))
                .start()) {
            assertEquals(
                    List.of("ratelimit.rules[0]: /c"),
                    context.getBean(PathRules.class).all().stream()
                            .map(LimitBinding::location)
                            .toList());
        }
    }

    private static Map<String, Object> yaml(String text) throws IOException {
        return new YamlPropertySourceLoader().read("limits", text.getBytes(StandardCharsets.UTF_8));
    }

    private static PropertySource source(String name, Map<String, Object> properties, int order) {
        return new MapPropertySource(name, properties) {
            @Override
            public int getOrder() {
                return order;
            }
        };
    }

    @ParameterizedTest
    @MethodSource
    void anUnknownPropertyFailsStartUp(Map<String, Object> properties, String message) {
        assertEquals("Unknown property " + message, failure(properties));
    }

    static Stream<Arguments> anUnknownPropertyFailsStartUp() {
        String ofPolicies =
                "the properties of `ratelimit.policies.write` are [block, candidate, cases, charge-on, deadline, exempt, hold-at-most, hold-until, key, limits, "
                        + "local-limit, max-debt, max-prefetch, max-reservations, max-wait, mode, on-error, overrides, "
                        + "refund-on, unsettled].";
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.polices.write.limits", "1/s"),
                        "`ratelimit.polices.write.limits`; did you mean `ratelimit.policies.write.limits`?"),
                Arguments.of(
                        Map.of("ratelimit.policies.write.limit", "1/s"),
                        "`ratelimit.policies.write.limit`; did you mean `ratelimit.policies.write.limits`?"),
                Arguments.of(
                        Map.of("ratelimit.onerror", "open"), "`ratelimit.onerror`; did you mean `ratelimit.on-error`?"),
                Arguments.of(
                        Map.of("ratelimit.rules[0].pth", "/a"),
                        "`ratelimit.rules[0].pth`; did you mean `ratelimit.rules[0].path`?"),
                Arguments.of(
                        Map.of("ratelimit.rules", List.of(Map.of("path", "/a", "polcy", "write"))),
                        "`ratelimit.rules[0].polcy`; did you mean `ratelimit.rules[0].policy`?"),
                Arguments.of(
                        Map.of("ratelimit.rules.path", "/a"),
                        "`ratelimit.rules.path`; did you mean `ratelimit.rules[0].path`?"),
                Arguments.of(Map.of("ratelimit.policies.write", "1/s"), "`ratelimit.policies.write`; " + ofPolicies),
                Arguments.of(
                        Map.of("ratelimit.policies.write.burst-capacity", "1"),
                        "`ratelimit.policies.write.burst-capacity`; " + ofPolicies),
                Arguments.of(
                        Map.of("ratelimit.policies.write.capacity", "50"),
                        "`ratelimit.policies.write.capacity`; " + ofPolicies),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.limits",
                                "1/s",
                                "ratelimit.policies.write.overrides",
                                List.of(Map.of("kye", "alice", "limits", "2/s"))),
                        "`ratelimit.policies.write.overrides[0].kye`; did you mean "
                                + "`ratelimit.policies.write.overrides[0].key`?"),
                Arguments.of(
                        Map.of("ratelimit.secrt", "sixteen letters!"),
                        "`ratelimit.secrt`; did you mean `ratelimit.secret`?"),
                Arguments.of(
                        Map.of("ratelimit.backend.name", "memory"),
                        "`ratelimit.backend.name`; did you mean `ratelimit.backend`?"),
                Arguments.of(
                        Map.of("ratelimit.memory.maximum", "1"),
                        "`ratelimit.memory.maximum`; the properties of `ratelimit.memory` are [max-keys]."));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ratelimit.deadline | five | a duration such as 100ms, 10s or 1m",
                "ratelimit.deny-cache | long | a duration such as 100ms, 10s or 1m",
                "ratelimit.retry-after-jitter | soon | a duration such as 100ms, 10s or 1m",
                "ratelimit.policies.write.deadline | five | a duration such as 100ms, 10s or 1m",
                "ratelimit.instances | few | a whole number",
                "ratelimit.memory.max-keys | many | a whole number",
                "ratelimit.policies.write.max-prefetch | many | a whole number",
                "ratelimit.on-error | lokal | one of open, closed, local",
                "ratelimit.policies.write.on-error | never | one of open, closed, local",
                "ratelimit.health-in-outage | sick | one of degraded, down",
                "ratelimit.headers | some | one of ietf, legacy, both, none",
                "ratelimit.policies.write.mode | leased | one of exact, prefetch, shadow",
                "ratelimit.policies.write.unsettled | keep | one of charge, refund",
                "ratelimit.enabled | flase | true or false"
            })
    void aValueOfTheWrongTypeFailsStartUp(String name, String value, String valid) {
        Map<String, Object> properties = new LinkedHashMap<>(Map.of("ratelimit.policies.write.limits", "1/s"));
        properties.put(name, value);
        assertEquals(name + " = \"" + value + "\" is invalid; write " + valid + ".", failure(properties));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ratelimit.deadline | 0s | PT0S | the store needs time to answer; write 1ms or more, such as 100ms.",
                "ratelimit.instances | 0 | 0 | write the number of instances of the application that share the store,"
                        + " 1 to 10000.",
                "ratelimit.instances | 10001 | 10001 | write the number of instances of the application that share the"
                        + " store, 1 to 10000.",
                "ratelimit.deny-cache | -1s | PT-1S | the duration must not be negative; write one such as 1s, or 0s to"
                        + " cache no denials.",
                "ratelimit.namespace | my shop | my shop | a namespace has 1 to 64 ASCII characters without spaces and"
                        + " braces; write one such as shop.",
            })
    void aValueOutOfRangeFailsStartUp(String name, String value, String shown, String reason) {
        String message = failure(Map.of(name, value));
        assertEquals(name + " = \"" + shown + "\": " + reason, message);
    }

    @Test
    void theMessageIsInTheFirstLinesAndAtTheEndOfTheStackTrace() {
        RuntimeException failure = assertThrows(RuntimeException.class, () -> start(Map.of("ratelimit.onerror", "open"))
                .close());
        String message = "Unknown property `ratelimit.onerror`; did you mean `ratelimit.on-error`?";
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        assertTrue(trace.toString().lines().limit(5).anyMatch(("Message: " + message)::equals), trace.toString());
        assertEquals(
                "Caused by: " + ConfigurationException.class.getName() + ": " + message,
                trace.toString()
                        .lines()
                        .filter(line -> line.startsWith("Caused by:"))
                        .reduce("", (first, last) -> last));
    }

    @Test
    void anySpellingOfANameIsAccepted() {
        Map<String, Object> properties = new LinkedHashMap<>();
        properties.put("ratelimit.onError", "open");
        properties.put("ratelimit.deny_cache", "2s");
        properties.put("ratelimit.exclude[0]", "/a");
        properties.put("ratelimit.policies.perUser.limits[0]", "1/s");
        properties.put("ratelimit.policies.perUser.limits[1]", "9/min");
        properties.put("ratelimit.policies.perUser.overrides[0].key", "alice");
        properties.put("ratelimit.policies.perUser.overrides[0].limits[0]", "2/s");
        properties.put("ratelimit.policies.write.limits", "${write.limits:3/s}");
        properties.put("ratelimit.rules[0].path", "/a");
        properties.put("ratelimit.rules[0].methods", "GET,post");
        properties.put("ratelimit.rules[0].policy", "write");
        properties.put("ratelimit.silence", List.of());
        try (ApplicationContext context = start(properties)) {
            RateLimitConfiguration configuration = context.getBean(RateLimitConfiguration.class);
            assertEquals(OnError.OPEN, configuration.getOnError());
            assertEquals(List.of("/a"), configuration.getExclude());
            PolicyRegistry policies = context.getBean(PolicyRegistry.class);
            assertEquals(Limit.parseAll("1/s; 9/min"), policies.get("per-user").rateLimits());
            assertEquals(Limit.parseAll("3/s"), policies.get("write").rateLimits());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "ratelimit.policy.write.limits, ratelimit.policies.write.limits",
        "ratelimit.policie.write.limits, ratelimit.policies.write.limits",
        "ratelimit.rule[0].path, ratelimit.rules[0].path",
        "rate-limit.policies.write.limits, ratelimit.policies.write.limits",
        "rateLimit.policies.write.limits, ratelimit.policies.write.limits",
        "rate_limit.policies.write.limits, ratelimit.policies.write.limits",
        "ratelimits.policies.write.limits, ratelimit.policies.write.limits",
        "rate-limiter.rules[0].path, ratelimit.rules[0].path",
        "ratelimiting.policies.write.key, ratelimit.policies.write.key",
        "ratelmit.exclude, ratelimit.exclude",
        "micronaut.ratelimit.policies.write.limits, ratelimit.policies.write.limits",
        "micronaut.rate-limit.trusted-proxies, ratelimit.trusted-proxies",
        "micronaut.server.ratelimit.rules[0].policy, ratelimit.rules[0].policy",
        "ratelimits.enabled, ratelimit.enabled",
        "rate-limit.polices.write.limits, ratelimit.polices.write.limits",
        "micronaut-ratelimit.policies.write.limits, ratelimit.policies.write.limits",
        "micronaut-rate-limiter.rules[0].path, ratelimit.rules[0].path",
        "rate.limit.policies.write.limits, ratelimit.policies.write.limits",
        "micronaut.rate.limiter.exclude, ratelimit.exclude"
    })
    void aMisspeltPrefixOrSectionFailsStartUp(String name, String meant) {
        assertEquals(
                "Unknown property `" + name.replace("rateLimit", "rate-limit").replace("rate_limit", "rate-limit")
                        + "`; did you mean `" + meant + "`?",
                failure(Map.of(name, "true")));
    }

    @Test
    void aMisspeltPrefixOfNestedMapsFailsStartUp() {
        assertEquals(
                "Unknown property `rate-limit.policies.write.limits`; did you mean `ratelimit.policies.write.limits`?",
                failure(Map.of("rate-limit", Map.of("policies", Map.of("write", Map.of("limits", "1/s"))))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ratelimit.limits.write",
                "ratelimit.log.interval",
                "ratelimit.proxy.trusted",
                "ratelimit.defaults.key",
                "ratelimit.own-store.color"
            })
    void anUnknownSectionFailsStartUp(String name) {
        String message = failure(Map.of(name, "1"));
        assertTrue(message.startsWith("Unknown property `" + name + "`; "), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"false", "true", "on"})
    void aValueOfThePrefixItselfFailsStartUp(String value) {
        assertEquals(
                "`ratelimit` has a value, but only the properties below it may have one; write `ratelimit.enabled: false`"
                        + " to remove all limits.",
                failure(Map.of("ratelimit", value)));
    }

    @ParameterizedTest
    @CsvSource({"redis, server", "hazelcast, mode", "dynamodb, table"})
    void propertiesOfAMissingModuleFailStartUp(String module, String property) {
        String name = "ratelimit." + module + "." + property;
        assertEquals(
                "`ratelimit." + module + "` is configured, but the module for it is missing; add the dependency "
                        + "io.github.micronautratelimit:micronaut-ratelimit-" + module + ", or remove the property.",
                failure(Map.of(name, "x")));
        try (ApplicationContext context = start(Map.of(name, "x", "ratelimit.backend", "memory"))) {
            assertTrue(context.isRunning(), "another backend is selected");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "resilience4j.ratelimiter.enabled",
                "resilience4j.ratelimiter.instances.partner.limit-for-period",
                "rate-limiter.enabled",
                "rate-limit",
                "rate-limit.of-partner",
                "micronaut.http.services.ratelimit.url",
                "redis.servers.ratelimit.uri",
                "datasources.ratelimit.url",
                "my.ratelimit.color",
                "rate.limit",
                "rate.limit.color",
                "exchange.rate",
                "micronaut-ratelimit.color"
            })
    void propertiesOfOtherSoftwareAreNotChecked(String name) {
        try (ApplicationContext context = start(Map.of(name, "true"))) {
            assertTrue(context.isRunning());
        }
    }

    @ParameterizedTest
    @MethodSource
    void aNumberThatDoesNotFitFailsStartUp(String name, Object value, String most) {
        Map<String, Object> properties = new LinkedHashMap<>(Map.of("ratelimit.policies.write.limits", "1/s"));
        properties.put(name, value);
        assertEquals(
                name + " = \"" + value + "\" is invalid; write a whole number of at most " + most + ".",
                failure(properties));
    }

    static Stream<Arguments> aNumberThatDoesNotFitFailsStartUp() {
        return Stream.of(
                Arguments.of("ratelimit.memory.max-keys", 3_000_000_000L, "2147483647"),
                Arguments.of("ratelimit.instances", 4_294_967_297L, "2147483647"),
                Arguments.of("ratelimit.ipv6-prefix", 64.5, "2147483647"),
                Arguments.of("ratelimit.websocket.close-after", 4_294_967_297L, "2147483647"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{polcy}", "{retry_after}", "{Policy}"})
    void anUnknownPlaceholderOfTheErrorTextFailsStartUp(String placeholder) {
        assertEquals(
                "ratelimit.websocket.error-text contains the unknown placeholder " + placeholder
                        + "; write one of [policy, retry-after, retry-after-ms] in braces.",
                failure(Map.of("ratelimit.websocket.error-text", "{\"error\":\"" + placeholder + "\"}")));
    }

    @Test
    void anElementOfAListWithinARuleFailsStartUp() {
        assertEquals(
                "`ratelimit.rules[0].methods[0]` would be ignored, because an element of a list cannot be set within a"
                        + " rule; write all elements as `ratelimit.rules[0].methods`, separated by commas.",
                failure(Map.of("ratelimit.rules[0].methods[0]", "GET")));
    }

    @Test
    void anEmptyValueFailsStartUp() {
        assertEquals(
                "ratelimit.on-error = \"\" is invalid; write one of open, closed, local.",
                failure(Map.of("ratelimit.on-error", "")));
    }

    @ParameterizedTest
    @CsvSource({
        "micronaut.application.name, , ratelimit",
        "micronaut.application.name, shop, shop",
        "micronaut.application.name, my {shop}, my--shop-",
        "ratelimit.namespace, shop:eu, shop:eu"
    })
    void theNamespaceDefaultsToTheApplicationName(String name, @Nullable String value, String namespace) {
        Map<String, Object> properties = value == null ? Map.of() : Map.of(name, value);
        try (ApplicationContext context = ApplicationContext.run(properties)) {
            assertEquals(
                    namespace, context.getBean(RateLimitConfiguration.class).getNamespace());
        }
    }

    private static ApplicationContext start(Map<String, Object> properties) {
        return ApplicationContext.run(properties, "test");
    }

    /** Returns the message of the configuration error, without the context that the framework adds around it. */
    private static String failure(Map<String, Object> properties) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> start(properties).close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        return String.valueOf(failure.getMessage());
    }
}
