package io.github.micronautratelimit.factory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.security.annotation.Secured;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Invalid configuration fails the start with a message that names the property and the action. */
class StartUpTest {

    private static final String LIMIT_EXAMPLE =
            "; write a limit like \"100/min\", \"5/s burst 20\", \"1000/h sliding\", "
                    + "\"10000/day fixed\" or \"5 concurrent\".";

    @ParameterizedTest
    @MethodSource
    void invalidLimitsFailStart(Map<String, Object> properties, String message) {
        assertEquals(message, failure(properties));
    }

    static Stream<Arguments> invalidLimitsFailStart() {
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", "100"),
                        "ratelimit.policies.write.limits = \"100\": '/' was expected at the end" + LIMIT_EXAMPLE),
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", List.of("10/s", "20/x")),
                        "ratelimit.policies.write.limits = \"20/x\": one of the units us, ms, s, min, h, day, week, month, year was "
                                + "expected at character 4" + LIMIT_EXAMPLE),
                Arguments.of(
                        Map.of("ratelimit.policies.write.key", "{ip}"),
                        "ratelimit.policies.write.limits is missing; write at least one limit, such as \"100/min\"."),
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", List.of("1/s", "1/s")),
                        "ratelimit.policies.write: The policy \"write\" lists the same limit twice: [1/s, 1/s]; "
                                + "write it once."));
    }

    @ParameterizedTest
    @MethodSource
    void invalidPolicyOptionFailsStart(Map<String, Object> properties, String message) {
        assertEquals(message, failure(properties));
    }

    static Stream<Arguments> invalidPolicyOptionFailsStart() {
        return Stream.of(invalidSlotsAndModes(), invalidReservations(), otherInvalidOptions())
                .flatMap(arguments -> arguments);
    }

    private static Stream<Arguments> invalidReservations() {
        String debt = "\": write the permits that a settlement may charge beyond the capacity, 0 to 1000000000000.";
        String open = "\": write the most open reservations of a key, 1 to 1000.";
        String none =
                "ratelimit.policies.write: The policy \"write\" has only the limit 2 concurrent, which has no permits "
                        + "to reserve; remove the settings of reservations.";
        return Stream.of(
                Arguments.of(write("1/s", "max-debt", "-1"), "ratelimit.policies.write.max-debt = \"-1" + debt),
                Arguments.of(
                        write("1/s", "max-debt", "1000000000001"),
                        "ratelimit.policies.write.max-debt = \"1000000000001" + debt),
                Arguments.of(
                        write("1/s", "max-reservations", "0"),
                        "ratelimit.policies.write.max-reservations = \"0" + open),
                Arguments.of(
                        write("1/s", "max-reservations", "1001"),
                        "ratelimit.policies.write.max-reservations = \"1001" + open),
                Arguments.of(write("2 concurrent", "max-debt", "5"), none),
                Arguments.of(write("2 concurrent", "max-reservations", "5"), none),
                Arguments.of(write("2 concurrent", "unsettled", "refund"), none));
    }

    private static Map<String, Object> write(String limits, String property, String value) {
        return Map.of("ratelimit.policies.write.limits", limits, "ratelimit.policies.write." + property, value);
    }

    private static Stream<Arguments> invalidSlotsAndModes() {
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.max-wait", "-1s"),
                        "ratelimit.policies.write: Requests under the policy \"write\" wait for at most PT-1S; write more "
                                + "than 0 and at most 1 hour."),
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.max-wait", "61m"),
                        "ratelimit.policies.write: Requests under the policy \"write\" wait for at most PT1H1M; write "
                                + "more than 0 and at most 1 hour."),
                Arguments.of(
                        Map.of("ratelimit.max-waiting-per-key", "-1"),
                        "ratelimit.max-waiting or ratelimit.max-waiting-per-key: At most -1 callers of a key and 100000 "
                                + "callers together may wait; write 0 or more."),
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.hold-at-most", "9s"),
                        "ratelimit.policies.write: The policy \"write\" has no concurrency limit, so no slot is held for "
                                + "at most PT9S; add a limit like \"5 concurrent\", or remove the setting."),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.limits",
                                "1/s",
                                "ratelimit.policies.write.hold-until",
                                "completion"),
                        "ratelimit.policies.write: The policy \"write\" has no concurrency limit, so no slot is held until "
                                + "COMPLETION; add a limit like \"5 concurrent\", or remove the setting."),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.limits",
                                "1 concurrent",
                                "ratelimit.policies.write.hold-at-most",
                                "999ms"),
                        "ratelimit.policies.write: The slots of the policy \"write\" are held for at most PT0.999S; write "
                                + "1s to 366 days."),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.limits",
                                "1/s",
                                "ratelimit.policies.write.overrides[0].limits",
                                "2/s"),
                        "ratelimit.policies.write.overrides[0].key is missing; write a key, such as a user name "
                                + "or an address."),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.limits",
                                "1/s",
                                "ratelimit.policies.write.overrides[0].key",
                                "alice"),
                        "ratelimit.policies.write.overrides[0].limits is missing; write at least one limit, such as "
                                + "\"100/min\", or \"unlimited\" or \"deny\"."));
    }

    private static Stream<Arguments> otherInvalidOptions() {
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.deadline", "-1s"),
                        "ratelimit.policies.write: The deadline of the policy \"write\" is PT-1S; write 1ms or more, or 0 "
                                + "to never wait for the store."),
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.max-prefetch", "50"),
                        "ratelimit.policies.write.max-prefetch = \"50\": the mode exact does not prefetch permits; add "
                                + "ratelimit.policies.write.mode: prefetch, or remove this property."),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.limits",
                                "1/s",
                                "ratelimit.policies.write.mode",
                                "prefetch",
                                "ratelimit.policies.write.max-prefetch",
                                "0"),
                        "ratelimit.policies.write.max-prefetch = \"0\": write the most permits that an instance "
                                + "prefetches for one key, 1 to 1000000."),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.limits",
                                "1/s",
                                "ratelimit.policies.write.mode",
                                "prefetch",
                                "ratelimit.policies.write.max-prefetch",
                                "1000001"),
                        "ratelimit.policies.write.max-prefetch = \"1000001\": write the most permits that an instance "
                                + "prefetches for one key, 1 to 1000000."),
                Arguments.of(
                        Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.local-limit", "50"),
                        "ratelimit.policies.write.local-limit = \"50\": '/' was expected at the end" + LIMIT_EXAMPLE),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.limits",
                                "1/s",
                                "ratelimit.policies.write.local-limit",
                                List.of("5/s", "5/s")),
                        "ratelimit.policies.write: The policy \"write\" lists the same local limit twice: [5/s, 5/s]; "
                                + "write it once."));
    }

    @ParameterizedTest
    @MethodSource
    void invalidHttpPropertyFailsStart(Map<String, Object> properties, String message) {
        assertEquals(message, failure(properties));
    }

    static Stream<Arguments> invalidHttpPropertyFailsStart() {
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.trusted-proxies", List.of("10.0.0.0/8", "proxy")),
                        "ratelimit.trusted-proxies: \"proxy\" is not a range of addresses; write a range like "
                                + "\"10.0.0.0/8\" or \"2001:db8::/32\", or one address."),
                Arguments.of(
                        Map.of("ratelimit.trusted-proxies", "-1"),
                        "ratelimit.trusted-proxies: The number of proxies is -1; write 0 or more."),
                Arguments.of(
                        Map.of("ratelimit.forwarded-header", "X Real IP"),
                        "ratelimit.forwarded-header: The forwarding header is \"X Real IP\", which is not the name of a"
                                + " header; write one such as X-Real-IP."),
                Arguments.of(
                        Map.of("ratelimit.ipv6-prefix", "8"),
                        "ratelimit.ipv6-prefix: The IPv6 prefix length is 8; write 16 to 128, for example 64."),
                Arguments.of(
                        Map.of("ratelimit.status", "403"),
                        "ratelimit.status or ratelimit.unavailable-status: The status of denied requests is 403; "
                                + "write 429 or 503."),
                Arguments.of(
                        Map.of("ratelimit.secret", "hunter2"),
                        "ratelimit.secret: The secret has 7 characters; write at least 16 random ones."),
                Arguments.of(
                        Map.of("ratelimit.silence", "RL999"),
                        "ratelimit.silence: Unknown warning \"RL999\"; write one of "
                                + Arrays.stream(ConfigurationWarning.values())
                                        .map(ConfigurationWarning::code)
                                        .toList()
                                + "."),
                Arguments.of(
                        Map.of("ratelimit.retry-after-jitter", "900ms"),
                        "ratelimit.retry-after-jitter or ratelimit.retry-after-spread: The jitter is "
                                + "PT0.9S, but Retry-After counts whole seconds; write a number of seconds such as 2s."),
                Arguments.of(
                        Map.of("ratelimit.retry-after-jitter", "1500ms"),
                        "ratelimit.retry-after-jitter or ratelimit.retry-after-spread: The jitter is "
                                + "PT1.5S, but Retry-After counts whole seconds; write a number of seconds such as 2s."));
    }

    @ParameterizedTest
    @MethodSource
    void invalidBackendFailsStart(Map<String, Object> properties, String message) {
        assertEquals(message, failure(properties));
    }

    static Stream<Arguments> invalidBackendFailsStart() {
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.backend", "reddis"),
                        "ratelimit.backend = \"reddis\" does not exist; add its module (one of [redis, "
                                + "hazelcast, dynamodb]), or write one of [memory]."),
                Arguments.of(
                        Map.of("ratelimit.backend", "redis"),
                        "ratelimit.backend = \"redis\" does not exist; add the dependency "
                                + "io.github.micronautratelimit:micronaut-ratelimit-redis, or write one of [memory]."),
                Arguments.of(
                        Map.of("ratelimit.memory.max-keys", "0"),
                        "ratelimit.memory.max-keys: The bound on live keys is 0; write 1 or more."),
                Arguments.of(
                        Map.of("spec", "two-backends"),
                        "There are several rate limit backends: [one, two]; select one with ratelimit.backend."));
    }

    @ParameterizedTest
    @MethodSource
    void invalidKeyOrRuleFailsStart(Map<String, Object> properties, String message) {
        assertEquals(message, failure(properties));
    }

    static Stream<Arguments> invalidKeyOrRuleFailsStart() {
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.default-key", "{unknown}"),
                        "ratelimit.default-key = \"{unknown}\": unknown placeholder {unknown} at character 1; write a "
                                + "key like \"{ip}\", \"{principal-or-ip}\", \"{api-key}\", \"{role}\", \"{claim:NAME}\", \"{bearer-token}\", "
                                + "\"{header:X-Tenant}\", \"{cookie:NAME}\", \"{query:NAME}\", \"{path:NAME}\", "
                                + "\"{bean:NAME}\" or \"{global}\", with or without text around it."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].path", "/a", "ratelimit.rules[0].policy", "nope"),
                        "The policy \"nope\" named by ratelimit.rules[0].policy is not configured; "
                                + "add ratelimit.policies.nope.limits."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].policy", "nope"),
                        "ratelimit.rules[0].path is missing; write a pattern like \"/api/**\"."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].path", "api", "ratelimit.rules[0].policy", "nope"),
                        "ratelimit.rules[0].path = \"api\" does not start with a slash; write a pattern like "
                                + "\"/api/**\"."));
    }

    @ParameterizedTest
    @MethodSource
    void ruleThatCanLimitNothingOrEverythingFailsStart(Map<String, Object> rule, String message) {
        Map<String, Object> properties = new LinkedHashMap<>();
        properties.put("ratelimit.policies.write.limits", List.of("100/h", "10/s"));
        properties.put("ratelimit.rules[0].path", "/a");
        properties.put("ratelimit.rules[0].policy", "write");
        properties.putAll(rule);
        assertEquals(message, failure(properties));
    }

    static Stream<Arguments> ruleThatCanLimitNothingOrEverythingFailsStart() {
        return Stream.concat(uselessPathsAndCosts(), uselessKeysAndRepetitions());
    }

    private static Stream<Arguments> uselessPathsAndCosts() {
        String methods =
                "\" is not an HTTP method; write methods such as [GET, POST], or leave the methods out for all "
                        + "of them.";
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.rules[0].methods", "PSOT"), "ratelimit.rules[0].methods = \"PSOT" + methods),
                Arguments.of(
                        Map.of("ratelimit.rules[0].methods", "GET POST"),
                        "ratelimit.rules[0].methods = \"GET POST" + methods),
                Arguments.of(Map.of("ratelimit.rules[0].methods", "*"), "ratelimit.rules[0].methods = \"*" + methods),
                Arguments.of(
                        Map.of("ratelimit.rules[0].methods", List.of("GET", "ALL")),
                        "ratelimit.rules[0].methods = \"ALL" + methods),
                Arguments.of(
                        Map.of("ratelimit.rules[0].path", "/x/{+rest}"),
                        "ratelimit.rules[0].path = \"/x/{+rest}\" contains \"{+rest}\", which is not a variable of one "
                                + "segment; write \"*\" for a segment, or \"/**\" for the rest of the path."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].path", "/api**"),
                        "ratelimit.rules[0].path = \"/api**\" contains \"api**\", but ** stands for whole segments; write "
                                + "\"/**\" after the slash of a path, or \"*\" within a segment."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].path", "/search?q=x"),
                        "ratelimit.rules[0].path = \"/search?q=x\" contains a query, but a pattern matches paths only; "
                                + "remove it."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].permits", "0"),
                        "ratelimit.rules[0]: The cost is 0 permits, so the limit would limit nothing; write 1 or more, "
                                + "or remove the limit."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].permits", "{query:size} 0..0"),
                        "ratelimit.rules[0]: The cost is 0 permits, so the limit would limit nothing; write 1 or more, "
                                + "or remove the limit."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].permits", "11"),
                        "ratelimit.rules[0]: A request costs 11 permits, but the policy \"write\" grants at most 10 at "
                                + "once, so every request would be denied; write a lower cost or a higher limit."),
                Arguments.of(
                        Map.of("ratelimit.rules[0].permits", "{query:size} 20..30"),
                        "ratelimit.rules[0]: A request costs 20 permits, but the policy \"write\" grants at most 10 at "
                                + "once, so every request would be denied; write a lower cost or a higher limit."),
                Arguments.of(
                        Map.of(
                                "ratelimit.rules[0].permits",
                                "5",
                                "ratelimit.policies.write.overrides[0].key",
                                "192.0.2.1",
                                "ratelimit.policies.write.overrides[0].limits",
                                "4/h"),
                        "ratelimit.rules[0]: A request costs 5 permits, but the policy \"write\" with its override for "
                                + "\"192.0.2.1\" grants at most 4 at once, so every request would be denied; write a "
                                + "lower cost or a higher limit."));
    }

    private static Stream<Arguments> uselessKeysAndRepetitions() {
        String placeholder = "\" has no placeholder, so all requests would share one counter; write a placeholder in "
                + "braces, such as \"{ip}\" or \"{principal}\", or \"{global}\" if they are to share one.";
        return Stream.of(
                Arguments.of(Map.of("ratelimit.rules[0].key", "ip"), "ratelimit.rules[0]: The key \"ip" + placeholder),
                Arguments.of(
                        Map.of("ratelimit.policies.write.key", "header:X-Tenant"),
                        "ratelimit.policies.write.key: The key \"header:X-Tenant" + placeholder),
                Arguments.of(
                        Map.of("ratelimit.default-key", "principal"),
                        "ratelimit.default-key: The key \"principal" + placeholder),
                Arguments.of(
                        Map.of("ratelimit.rules[1].path", "/a/", "ratelimit.rules[1].policy", "write"),
                        "ratelimit.rules[0]: /a and ratelimit.rules[1]: /a/ are the same rule, which would charge each "
                                + "request twice; remove one of them."),
                Arguments.of(
                        Map.of(
                                "ratelimit.policies.write.overrides",
                                List.of(
                                        Map.of("key", "192.0.2.1", "limits", "1/h"),
                                        Map.of("key", "192.0.2.1", "limits", "2/h"))),
                        "ratelimit.policies.write.overrides[1].key = \"192.0.2.1\" has an override already; write the "
                                + "limits of a key once."));
    }

    @ParameterizedTest
    @MethodSource
    void overrideForKeyThatNeverOccursFailsStart(String template, String key, String reason) {
        assertEquals(
                "ratelimit.policies.write.overrides: the key \"" + key + "\" never occurs, because " + reason,
                failure(Map.of(
                        "ratelimit.policies.write.limits", "1/h",
                        "ratelimit.policies.write.key", template,
                        "ratelimit.policies.write.overrides[0].key", key,
                        "ratelimit.policies.write.overrides[0].limits", "2/h",
                        "ratelimit.rules[0].path", "/a",
                        "ratelimit.rules[0].policy", "write")));
    }

    static Stream<Arguments> overrideForKeyThatNeverOccursFailsStart() {
        String several = "\" has several parts; give overrides to a policy whose key is a single placeholder.";
        return Stream.of(
                Arguments.of(
                        "{global}",
                        "alice",
                        "all requests share the key \"{global}\"; give the policy a key such as \"{principal}\", or "
                                + "remove the override."),
                Arguments.of("{ip}/{header:X-Tenant}", "192.0.2.1/acme", "the key \"{ip}/{header:X-Tenant}" + several),
                Arguments.of("tenant:{header:X-Tenant}", "acme", "the key \"tenant:{header:X-Tenant}" + several),
                Arguments.of(
                        "{ip}",
                        "not-an-ip",
                        "it is not an address, as the keys of \"{ip}\" are; write one such as \"192.0.2.1\"."),
                Arguments.of(
                        "{ip}",
                        "10.0.0.0/8",
                        "it is not an address, as the keys of \"{ip}\" are; write one such as \"192.0.2.1\"."),
                Arguments.of("{ip}", "2001:db8::1", "the key of that address is \"2001:db8::/64\"; write it so."),
                Arguments.of(
                        "{bearer-token}",
                        "secret-token",
                        "the key of \"{bearer-token}\" is a hash; write the result of KeyHash.of for the token."));
    }

    @ParameterizedTest
    @CsvSource({
        "{ip}, 192.0.2.1",
        "{ip}, 2001:db8::/64",
        "{principal-or-ip}, alice",
        "{header:X-Tenant}, Big Shop",
        "{api-key}, k"
    })
    void overrideForKeyThatMayOccurStarts(String template, String key) {
        try (ApplicationContext context = start(Map.of(
                "ratelimit.policies.write.limits", "1/h",
                "ratelimit.policies.write.key", template,
                "ratelimit.policies.write.overrides[0].key", key,
                "ratelimit.policies.write.overrides[0].limits", "2/h",
                "ratelimit.rules[0].path", "/a",
                "ratelimit.rules[0].policy", "write"))) {
            assertTrue(context.isRunning());
        }
    }

    @ParameterizedTest
    @MethodSource
    void invalidAnnotationFailsStart(String spec, String message) {
        assertEquals(message, failure(Map.of("spec", spec, "ratelimit.policies.known.limits", "1/s")));
    }

    static Stream<Arguments> invalidAnnotationFailsStart() {
        String bean = "@RateLimit on " + StartUpTest.class.getName();
        return Stream.of(
                Arguments.of(
                        "bad-text",
                        bean + "$BadText.call(): \"10 per second\": '/' was expected at character 4" + LIMIT_EXAMPLE),
                Arguments.of(
                        "bad-route",
                        bean + "$BadRoute.call(): \"0/s\": the permits must be from 1 to "
                                + "1000000000000 at character 1" + LIMIT_EXAMPLE),
                Arguments.of(
                        "bad-class",
                        bean + "$BadClass: \"often\": a number of permits was expected at " + "character 1"
                                + LIMIT_EXAMPLE),
                Arguments.of(
                        "unset-property",
                        bean + "$UnsetProperty.call(): \"${no.such.limit}\" contains a property that is "
                                + "not set; set it, or write a default such as \"${my.limit:100/min}\"."),
                Arguments.of(
                        "unknown-policy",
                        "The policy \"unknown\" named by " + bean + "$UnknownPolicy.call() is "
                                + "not configured; add ratelimit.policies.unknown.limits or name one of [known]."),
                Arguments.of(
                        "unknown-bean",
                        "The key \"{bean:tenant}\" of " + bean + "$UnknownBean.call() names the "
                                + "bean \"tenant\", but no RateLimitKeyResolver has that name; add @Named(\"tenant\") "
                                + "to one."),
                Arguments.of(
                        "secured",
                        "The key \"#{ account }\" of " + bean + "$SecuredRoute.call(String) is an "
                                + "expression on a method with a security annotation, and micronaut-security would then "
                                + "reject every request; write a template such as \"{principal}\" or \"{path:id}\"."),
                Arguments.of(
                        "two-limits",
                        "The policy \"shared\" has the limits [2/s] at " + bean
                                + "$TwoLimits.second() but [1/s] elsewhere; write them once, under "
                                + "ratelimit.policies.shared.limits."),
                Arguments.of(
                        "no-permits",
                        bean + "$NoPermits.call(): The cost is 0 permits, so the limit would limit nothing; write 1 or "
                                + "more, or remove the limit."),
                Arguments.of(
                        "many-permits",
                        bean
                                + "$ManyPermits.call(): A request costs 5 permits, but the limit \"2/h\" grants at most 2 at "
                                + "once, so every request would be denied; write a lower cost or a higher limit."),
                Arguments.of(
                        "many-permits-of-policy",
                        bean
                                + "$ManyPermitsOfPolicy.call(): A request costs 2 permits, but the policy \"known\" grants "
                                + "at most 1 at once, so every request would be denied; write a lower cost or a higher "
                                + "limit."),
                Arguments.of(
                        "no-braces",
                        bean
                                + "$NoBraces.call(): The key \"principal\" has no placeholder, so all requests would share "
                                + "one counter; write a placeholder in braces, such as \"{ip}\" or \"{principal}\", or "
                                + "\"{global}\" if they are to share one."),
                Arguments.of(
                        "unknown-variable",
                        bean + "$UnknownVariable.call(String) uses {path:idd}, but no route that it limits has the "
                                + "variable \"idd\"; write one of [id]."),
                Arguments.of(
                        "unknown-variable-of-class",
                        bean
                                + "$UnknownVariableOfClass uses {path:tenant}, but no route that it limits has the variable "
                                + "\"tenant\"; write one of [id]."));
    }

    @Test
    void onlyStoreHasPrecedenceOverMemoryAndPropertySelectsBackend() {
        try (ApplicationContext context = start(Map.of("spec", "one-backend"))) {
            assertEquals(
                    Decision.Source.FALLBACK,
                    context.getBean(RateLimiter.class)
                            .tryAcquire(Policy.of("p", "1/s"), "k")
                            .source(),
                    "the broken store was called, and the fallback decided");
        }
        try (ApplicationContext context = start(Map.of("spec", "two-backends", "ratelimit.backend", "memory"))) {
            assertEquals(
                    Decision.Source.STORE,
                    context.getBean(RateLimiter.class)
                            .tryAcquire(Policy.of("p", "1/s"), "k")
                            .source());
        }
    }

    @Test
    void codeFindsConfiguredPolicyByName() {
        Map<String, Object> properties = new LinkedHashMap<>();
        properties.put("ratelimit.policies.per-user.limits", List.of("10/s burst 20", "1000/h sliding"));
        properties.put("ratelimit.policies.per-user.on-error", "closed");
        properties.put("ratelimit.policies.per-user.deadline", "250ms");
        properties.put("ratelimit.policies.per-user.local-limit", "50/s");
        properties.put("ratelimit.policies.per-user.mode", "prefetch");
        try (ApplicationContext context = start(properties)) {
            Policy policy = context.getBean(PolicyRegistry.class).get("perUser");
            assertEquals(Policy.of("per-user", "10/s burst 20; 1000/h sliding").rateLimits(), policy.rateLimits());
            assertEquals(OnError.CLOSED, policy.onError());
            assertEquals(Duration.ofMillis(250), policy.deadline());
            assertEquals(List.of(Limit.parse("50/s")), policy.localLimits());
            assertEquals(50, policy.maxPrefetch());
        }
    }

    @Test
    void disabledLimiterAllowsEverything() {
        Map<String, Object> properties = Map.of("ratelimit.enabled", "false", "spec", "bad-text");
        try (ApplicationContext context = start(properties)) {
            assertTrue(context.findBean(MemoryBackend.class).isEmpty());
            RateLimiter limiter = context.getBean(RateLimiter.class);
            Policy policy = Policy.of("p", "1/day");
            assertTrue(limiter.tryAcquire(policy, "k").allowed());
            assertTrue(limiter.tryAcquire(policy, "k").allowed());
            context.getBean(BadText.class).call();
        }
    }

    private static ApplicationContext start(Map<String, Object> properties) {
        return ApplicationContext.run(properties, "test");
    }

    /** Returns the message of the configuration exception without the messages that the framework adds. */
    private static String failure(Map<String, Object> properties) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> start(properties).close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        return String.valueOf(failure.getMessage());
    }

    @Singleton
    @Requires(property = "spec", value = "bad-text")
    static class BadText {

        @RateLimit("10 per second")
        void call() {}
    }

    @Controller("/bad")
    @Requires(property = "spec", value = "bad-route")
    static class BadRoute {

        @Get
        @RateLimit("0/s")
        String call() {
            return "";
        }
    }

    @Singleton
    @RateLimit("${no.such.limit:often}")
    @Requires(property = "spec", value = "bad-class")
    static class BadClass {

        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "unset-property")
    static class UnsetProperty {

        @RateLimit("${no.such.limit}")
        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "unknown-policy")
    static class UnknownPolicy {

        @RateLimit(policy = "unknown")
        void call() {}
    }

    @Controller("/tenant")
    @Requires(property = "spec", value = "unknown-bean")
    static class UnknownBean {

        @Get
        @RateLimit(value = "1/s", key = "{bean:tenant}")
        String call() {
            return "";
        }
    }

    @Controller("/secured")
    @Requires(property = "spec", value = "secured")
    static class SecuredRoute {

        @Get
        @Secured("isAuthenticated()")
        @RateLimit(value = "1/s", key = "#{ account }")
        String call(String account) {
            return account;
        }
    }

    @Singleton
    @Requires(property = "spec", value = "two-limits")
    static class TwoLimits {

        @RateLimit(value = "1/s", policy = "shared")
        void first() {}

        @RateLimit(value = "2/s", policy = "shared")
        void second() {}
    }

    @Singleton
    @Requires(property = "spec", value = "no-permits")
    static class NoPermits {

        @RateLimit(value = "2/h", permits = "0")
        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "many-permits")
    static class ManyPermits {

        @RateLimit(value = "2/h", permits = "5")
        void call() {}
    }

    @Singleton
    @Requires(property = "spec", value = "many-permits-of-policy")
    static class ManyPermitsOfPolicy {

        @RateLimit(value = "100/h", policy = "known", permits = "2")
        void call() {}
    }

    @Controller("/no-braces")
    @Requires(property = "spec", value = "no-braces")
    static class NoBraces {

        @Get
        @RateLimit(value = "2/h", key = "principal")
        String call() {
            return "";
        }
    }

    @Controller("/variables")
    @Requires(property = "spec", value = "unknown-variable")
    static class UnknownVariable {

        @Get("/{id}")
        @RateLimit(value = "2/h", key = "{path:idd}")
        String call(String id) {
            return id;
        }

        @Get("/{idd}/other")
        String other(String idd) {
            return idd;
        }
    }

    @Controller("/variables")
    @RateLimit(value = "2/h", key = "{path:tenant}")
    @Requires(property = "spec", value = "unknown-variable-of-class")
    static class UnknownVariableOfClass {

        @Get
        String all() {
            return "";
        }

        @Get("/{id}")
        String call(String id) {
            return id;
        }
    }

    @Singleton
    @Named("one")
    @Requires(property = "spec", pattern = "one-backend|two-backends")
    static class One extends BrokenBackend {}

    @Singleton
    @Named("two")
    @Requires(property = "spec", value = "two-backends")
    static class Two extends BrokenBackend {}

    abstract static class BrokenBackend implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            throw new IllegalStateException("The store is unavailable.");
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            throw new IllegalStateException("The store is unavailable.");
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            throw new IllegalStateException("The store is unavailable.");
        }
    }
}
