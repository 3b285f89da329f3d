package io.github.micronautratelimit.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.env.MapPropertySource;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.security.annotation.Secured;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/** What is wrong stops the application when it starts, with one sentence that says where and what to write instead. */
class StartTest {

    private static final String LIMIT_EXAMPLE = "; write a limit like \"100/min\", \"5/s burst 20\", \"1000/h sliding\", "
            + "\"10000/day fixed\" or \"5 concurrent\".";

    @ParameterizedTest
    @MethodSource
    void aWrongSettingStopsTheStart(Map<String, Object> settings, String sentence) {
        assertEquals(sentence, refusal(settings));
    }

    static Stream<Arguments> aWrongSettingStopsTheStart() {
        return Stream.of(
                Arguments.of(Map.of("ratelimit.policies.write.limits", "100"),
                        "ratelimit.policies.write.limits = \"100\": '/' was expected at the end" + LIMIT_EXAMPLE),
                Arguments.of(Map.of("ratelimit.policies.write.limits", List.of("10/s", "20/x")),
                        "ratelimit.policies.write.limits = \"20/x\": one of the units us, ms, s, min, h, day was "
                                + "expected at character 4" + LIMIT_EXAMPLE),
                Arguments.of(Map.of("ratelimit.policies.write.key", "{ip}"),
                        "ratelimit.policies.write.limits is missing; write at least one limit, like \"100/min\"."),
                Arguments.of(Map.of("ratelimit.policies.write.limits", List.of("1/s", "1/s")),
                        "ratelimit.policies.write: The policy \"write\" lists the same limit twice: [1/s, 1/s]; "
                                + "write it once."),
                Arguments.of(Map.of("ratelimit.default-key", "{whoever}"),
                        "ratelimit.default-key = \"{whoever}\": unknown placeholder {whoever} at character 1; write a "
                                + "key like \"{ip}\", \"{principal-or-ip}\", \"{api-key}\", \"{bearer-token}\", "
                                + "\"{header:X-Tenant}\", \"{cookie:NAME}\", \"{path:NAME}\", \"{bean:NAME}\" or "
                                + "\"{global}\", with text around."),
                Arguments.of(Map.of("ratelimit.trusted-proxies", List.of("10.0.0.0/8", "proxy")),
                        "ratelimit.trusted-proxies: \"proxy\" is no range of addresses; write a range like "
                                + "\"10.0.0.0/8\" or \"2001:db8::/32\", or one address."),
                Arguments.of(Map.of("ratelimit.trusted-proxies", "-1"),
                        "ratelimit.trusted-proxies: -1 is no number of proxies; write 0 or more."),
                Arguments.of(Map.of("ratelimit.ipv6-prefix", "8"),
                        "ratelimit.ipv6-prefix: 8 is no length of an IPv6 prefix from 16 to 128; write one like 64."),
                Arguments.of(Map.of("ratelimit.status", "403"),
                        "ratelimit.status or ratelimit.retry-after-jitter: A denied request is not answered 403; "
                                + "write 429 or 503."),
                Arguments.of(Map.of("ratelimit.secret", "hunter2"),
                        "ratelimit.secret: A secret has at least 16 characters, not 7; write a random one."),
                Arguments.of(Map.of("ratelimit.silence", "RL999"),
                        "ratelimit.silence: \"RL999\" is no code of a warning; write one of [RL001, RL002, RL003, RL004, "
                                + "RL005, RL006]."),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s",
                        "ratelimit.policies.write.overrides[0].limits", "2/s"),
                        "ratelimit.policies.write.overrides[0].key is missing; write the name of a user or an address."),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s",
                        "ratelimit.policies.write.overrides[0].key", "alice"),
                        "ratelimit.policies.write.overrides[0].limits is missing; write at least one limit, like "
                                + "\"100/min\"."),
                Arguments.of(Map.of("ratelimit.backend", "reddis"),
                        "ratelimit.backend = \"reddis\": there is no such backend; add its module (there are [redis, "
                                + "hazelcast, dynamodb]), or write one of [memory]."),
                Arguments.of(Map.of("ratelimit.backend", "redis"),
                        "ratelimit.backend = \"redis\": there is no such backend; add the dependency "
                                + "io.github.micronautratelimit:micronaut-ratelimit-redis, or write one of [memory]."),
                Arguments.of(Map.of("ratelimit.deadline", "0s"),
                        "ratelimit.deadline = \"PT0S\": the store needs some time to answer; write 1ms or more, such "
                                + "as 100ms."),
                Arguments.of(Map.of("ratelimit.instances", "0"),
                        "ratelimit.instances = \"0\": write how many instances of the application share the store, "
                                + "1 to 10000."),
                Arguments.of(Map.of("ratelimit.deny-cache", "-1s"),
                        "ratelimit.deny-cache = \"PT-1S\": a denial cannot be believed for less than no time; write a "
                                + "duration such as 1s, or 0s for none."),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.deadline", "0s"),
                        "ratelimit.policies.write: The deadline is 1ms or more, not PT0S."),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.max-lease", "50"),
                        "ratelimit.policies.write.max-lease = \"50\": nothing is leased in the mode exact; write "
                                + "ratelimit.policies.write.mode: leased beside it, or leave it out."),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.mode", "leased",
                                "ratelimit.policies.write.max-lease", "0"),
                        "ratelimit.policies.write.max-lease = \"0\": write how many permits an instance takes ahead at "
                                + "most, 1 to 1000000."),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.mode", "leased",
                                "ratelimit.policies.write.max-lease", "1000001"),
                        "ratelimit.policies.write.max-lease = \"1000001\": write how many permits an instance takes ahead "
                                + "at most, 1 to 1000000."),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.local-limit", "50"),
                        "ratelimit.policies.write.local-limit = \"50\": '/' was expected at the end" + LIMIT_EXAMPLE),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.local-limit",
                        List.of("5/s", "5/s")),
                        "ratelimit.policies.write: The policy \"write\" lists the same local limit twice: [5/s, 5/s]; "
                                + "write it once."),
                Arguments.of(Map.of("ratelimit.namespace", "my shop"),
                        "ratelimit.namespace = \"my shop\": a namespace has 1 to 64 characters of ASCII and no spaces "
                                + "or braces; write one such as shop."),
                Arguments.of(Map.of("ratelimit.memory.max-keys", "0"),
                        "ratelimit.memory.max-keys: At least 1 key must be kept, not 0."),
                Arguments.of(Map.of("ratelimit.rules[0].path", "/a", "ratelimit.rules[0].policy", "nope"),
                        "The policy \"nope\" named by ratelimit.rules[0].policy is not configured; "
                                + "add ratelimit.policies.nope.limits."),
                Arguments.of(Map.of("ratelimit.rules[0].policy", "nope"),
                        "ratelimit.rules[0].path is missing; write a pattern like \"/api/**\"."),
                Arguments.of(Map.of("ratelimit.rules[0].path", "api", "ratelimit.rules[0].policy", "nope"),
                        "ratelimit.rules[0].path = \"api\" does not start with a slash; write a pattern like "
                                + "\"/api/**\"."),
                Arguments.of(Map.of("spec", "two-backends"),
                        "There are several rate limit backends, [one, two]; say which one decides with "
                                + "ratelimit.backend."));
    }

    @ParameterizedTest
    @CsvSource({"micronaut.application.name, , ratelimit", "micronaut.application.name, shop, shop",
        "micronaut.application.name, my {shop}, my--shop-", "ratelimit.namespace, shop:eu, shop:eu"})
    void theNamespaceIsTheApplicationsNameUnlessSet(String setting, @Nullable String value, String namespace) {
        Map<String, Object> settings = value == null ? Map.of() : Map.of(setting, value);
        try (ApplicationContext context = ApplicationContext.run(settings)) {
            assertEquals(namespace, context.getBean(RateLimitConfiguration.class).getNamespace());
        }
    }

    @ParameterizedTest
    @MethodSource
    void aNameThatThereIsNotStopsTheStart(Map<String, Object> settings, String sentence) {
        assertEquals(sentence, refusal(settings));
    }

    static Stream<Arguments> aNameThatThereIsNotStopsTheStart() {
        String ofPolicies = "under ratelimit.policies.write there are [deadline, key, limits, local-limit, max-lease, mode, "
                + "on-error, overrides].";
        return Stream.of(
                Arguments.of(Map.of("ratelimit.polices.write.limits", "1/s"),
                        "ratelimit.polices.write.limits is no setting; write ratelimit.policies.write.limits."),
                Arguments.of(Map.of("ratelimit.policies.write.limit", "1/s"),
                        "ratelimit.policies.write.limit is no setting; write ratelimit.policies.write.limits."),
                Arguments.of(Map.of("ratelimit.onerror", "open"),
                        "ratelimit.onerror is no setting; write ratelimit.on-error."),
                Arguments.of(Map.of("ratelimit.rules[0].pth", "/a"),
                        "ratelimit.rules[0].pth is no setting; write ratelimit.rules[0].path."),
                Arguments.of(Map.of("ratelimit.rules", List.of(Map.of("path", "/a", "polcy", "write"))),
                        "ratelimit.rules[0].polcy is no setting; write ratelimit.rules[0].policy."),
                Arguments.of(Map.of("ratelimit.rules.path", "/a"),
                        "ratelimit.rules.path is no setting; write ratelimit.rules[0].path."),
                Arguments.of(Map.of("ratelimit.policies.write", "1/s"),
                        "ratelimit.policies.write is no setting; " + ofPolicies),
                Arguments.of(Map.of("ratelimit.policies.write.burst-capacity", "1"),
                        "ratelimit.policies.write.burst-capacity is no setting; " + ofPolicies),
                Arguments.of(Map.of("ratelimit.policies.write.limits", "1/s", "ratelimit.policies.write.overrides",
                        List.of(Map.of("kye", "alice", "limits", "2/s"))),
                        "ratelimit.policies.write.overrides[0].kye is no setting; write "
                                + "ratelimit.policies.write.overrides[0].key."),
                Arguments.of(Map.of("ratelimit.secrt", "sixteen letters!"),
                        "ratelimit.secrt is no setting; write ratelimit.secret."),
                Arguments.of(Map.of("ratelimit.backend.name", "memory"),
                        "ratelimit.backend.name is no setting; write ratelimit.backend."),
                Arguments.of(Map.of("ratelimit.memory.maximum", "1"),
                        "ratelimit.memory.maximum is no setting; under ratelimit.memory there are [max-keys]."));
    }

    @Test
    void theSentenceStandsInTheFirstLinesAndAtTheEndOfWhatIsPrinted() {
        RuntimeException refusal = assertThrows(RuntimeException.class,
                () -> start(Map.of("ratelimit.onerror", "open")).close());
        String sentence = "ratelimit.onerror is no setting; write ratelimit.on-error.";
        StringWriter printed = new StringWriter();
        refusal.printStackTrace(new PrintWriter(printed));
        assertTrue(printed.toString().lines().limit(5).anyMatch(("Message: " + sentence)::equals), printed.toString());
        assertEquals("Caused by: " + ConfigurationException.class.getName() + ": " + sentence, printed.toString().lines()
                .filter(line -> line.startsWith("Caused by:")).reduce("", (first, last) -> last));
    }

    @Test
    void whateverFormANameHasItIsTheSame() {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("ratelimit.onError", "open");
        settings.put("ratelimit.deny_cache", "2s");
        settings.put("ratelimit.exclude[0]", "/a");
        settings.put("ratelimit.policies.perUser.limits[0]", "1/s");
        settings.put("ratelimit.policies.perUser.limits[1]", "9/min");
        settings.put("ratelimit.policies.perUser.overrides[0].key", "alice");
        settings.put("ratelimit.policies.perUser.overrides[0].limits[0]", "2/s");
        settings.put("ratelimit.policies.write.limits", "${write.limits:3/s}");
        settings.put("ratelimit.rules[0].path", "/a");
        settings.put("ratelimit.rules[0].methods[0]", "GET");
        settings.put("ratelimit.rules[0].policy", "write");
        settings.put("ratelimit.silence", List.of());
        try (ApplicationContext context = start(settings)) {
            assertEquals(OnError.OPEN, context.getBean(RateLimitConfiguration.class).getOnError());
            assertEquals(List.of("/a"), context.getBean(RateLimitConfiguration.class).getExclude());
            assertEquals(Limit.parseAll("1/s; 9/min"), context.getBean(Policies.class).get("per-user").limits());
            assertEquals(Limit.parseAll("3/s"), context.getBean(Policies.class).get("write").limits());
        }
    }

    @Test
    void settingsOfModulesThatAreNotThereAndWhatTheEnvironmentHoldsAreLeftAlone() {
        Map<String, Object> settings = Map.of("ratelimit.redis.server", "limits", "ratelimit.dynamodb.table", "limits",
                "ratelimit.own-store.color", "green");
        try (ApplicationContext context = ApplicationContext.builder().environments("test").propertySources(
                PropertySource.of("application", settings),
                new Kubernetes(Map.of("RATELIMIT_PORT_80_TCP", "tcp://10.0.0.1:80",
                        "RATELIMIT_POLICIES_WRITE_LIMITS", "7/s"))).start()) {
            assertEquals(Limit.parseAll("7/s"), context.getBean(Policies.class).get("write").limits());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "ratelimit.deadline | five | a duration such as 100ms, 10s or 1m",
        "ratelimit.deny-cache | long | a duration such as 100ms, 10s or 1m",
        "ratelimit.retry-after-jitter | soon | a duration such as 100ms, 10s or 1m",
        "ratelimit.policies.write.deadline | five | a duration such as 100ms, 10s or 1m",
        "ratelimit.instances | few | a whole number",
        "ratelimit.memory.max-keys | many | a whole number",
        "ratelimit.policies.write.max-lease | many | a whole number",
        "ratelimit.on-error | lokal | one of open, closed, local",
        "ratelimit.policies.write.on-error | never | one of open, closed, local",
        "ratelimit.health-in-outage | sick | one of degraded, down",
        "ratelimit.headers | some | one of ietf, legacy, both, none",
        "ratelimit.policies.write.mode | lease | one of exact, leased",
        "ratelimit.enabled | flase | true or false",
        "ratelimit.dashboard.enabled | yes | true or false"})
    void aValueOfTheWrongTypeStopsTheStart(String setting, String value, String instead) {
        Map<String, Object> settings = new LinkedHashMap<>(Map.of("ratelimit.policies.write.limits", "1/s"));
        settings.put(setting, value);
        assertEquals(setting + " = \"" + value + "\" cannot be read; write " + instead + ".", refusal(settings));
    }

    @ParameterizedTest
    @MethodSource
    void aWrongAnnotationStopsTheStart(String spec, String sentence) {
        assertEquals(sentence, refusal(Map.of("spec", spec, "ratelimit.policies.known.limits", "1/s")));
    }

    static Stream<Arguments> aWrongAnnotationStopsTheStart() {
        String bean = "@RateLimit on " + StartTest.class.getName();
        return Stream.of(
                Arguments.of("bad-text", bean + "$BadText.call(): \"10 per second\": '/' was expected at character 4"
                        + LIMIT_EXAMPLE),
                Arguments.of("bad-route", bean + "$BadRoute.call(): \"0/s\": the permits must be from 1 to "
                        + "1000000000000 at character 1" + LIMIT_EXAMPLE),
                Arguments.of("bad-class", bean + "$BadClass: \"often\": a number of permits was expected at "
                        + "character 1" + LIMIT_EXAMPLE),
                Arguments.of("unset-property", bean + "$UnsetProperty.call(): \"${no.such.limit}\" names a property that is "
                        + "not set; set it, or write a default into the text, such as \"${my.limit:100/min}\"."),
                Arguments.of("unknown-policy", "The policy \"unknown\" named by " + bean + "$UnknownPolicy.call() is "
                        + "not configured; add ratelimit.policies.unknown.limits or name one of [known]."),
                Arguments.of("unknown-bean", "The key \"{bean:tenant}\" of " + bean + "$UnknownBean.call() names the "
                        + "bean \"tenant\", but there is no RateLimitKeyResolver of that name; add @Named(\"tenant\") "
                        + "to one."),
                Arguments.of("secured", "The key \"#{ account }\" of " + bean + "$SecuredRoute.call(String) is an "
                        + "expression on a method with a security annotation, which would make micronaut-security "
                        + "refuse everybody; write a template like \"{principal}\" or \"{path:id}\"."),
                Arguments.of("two-numbers", "The policy \"shared\" has the limits [2/s] at " + bean
                        + "$TwoNumbers.second() but [1/s] elsewhere; write them once, under "
                        + "ratelimit.policies.shared.limits."));
    }

    @Test
    void theOnlyStoreIsChosenBeforeMemoryAndSettingsChooseAmongSeveral() {
        try (ApplicationContext context = start(Map.of("spec", "one-backend"))) {
            assertEquals(Decision.Source.FALLBACK,
                    context.getBean(RateLimiter.class).acquire(Policy.of("p", "1/s"), "k").source(),
                    "the broken store was asked, and the policy decided locally");
        }
        try (ApplicationContext context = start(Map.of("spec", "two-backends", "ratelimit.backend", "memory"))) {
            assertEquals(Decision.Source.STORE,
                    context.getBean(RateLimiter.class).acquire(Policy.of("p", "1/s"), "k").source());
        }
    }

    @Test
    void aConfiguredPolicyIsThereForCodeUnderItsName() {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("ratelimit.policies.per-user.limits", List.of("10/s burst 20", "1000/h sliding"));
        settings.put("ratelimit.policies.per-user.on-error", "closed");
        settings.put("ratelimit.policies.per-user.deadline", "250ms");
        settings.put("ratelimit.policies.per-user.local-limit", "50/s");
        settings.put("ratelimit.policies.per-user.mode", "leased");
        try (ApplicationContext context = start(settings)) {
            Policy policy = context.getBean(Policies.class).get("perUser");
            assertEquals(Policy.of("per-user", "10/s burst 20; 1000/h sliding").limits(), policy.limits());
            assertEquals(OnError.CLOSED, policy.onError());
            assertEquals(Duration.ofMillis(250), policy.deadline());
            assertEquals(List.of(Limit.parse("50/s")), policy.localLimits());
            assertEquals(50, policy.maxLease());
        }
    }

    @Test
    void disabledItLimitsNothingAndCodeWithALimiterStillStarts() {
        Map<String, Object> settings = Map.of("ratelimit.enabled", "false", "spec", "bad-text");
        try (ApplicationContext context = start(settings)) {
            assertTrue(context.findBean(MemoryBackend.class).isEmpty());
            RateLimiter limiter = context.getBean(RateLimiter.class);
            Policy policy = Policy.of("p", "1/day");
            assertTrue(limiter.acquire(policy, "k").allowed());
            assertTrue(limiter.acquire(policy, "k").allowed());
            context.getBean(BadText.class).call();
        }
    }

    private static final class Kubernetes extends MapPropertySource {

        Kubernetes(Map<String, Object> variables) {
            super("kubernetes", variables);
        }

        @Override
        public PropertyConvention getConvention() {
            return PropertyConvention.ENVIRONMENT_VARIABLE;
        }
    }

    private static ApplicationContext start(Map<String, Object> settings) {
        return ApplicationContext.run(settings, "test");
    }

    /** The message of the innermost cause: what the framework adds around it says where it was when it failed. */
    private static String refusal(Map<String, Object> settings) {
        Throwable refusal = assertThrows(RuntimeException.class, () -> start(settings).close());
        while (refusal.getCause() != null && !(refusal instanceof ConfigurationException)) {
            refusal = refusal.getCause();
        }
        return String.valueOf(refusal.getMessage());
    }

    @Singleton
    @Requires(property = "spec", value = "bad-text")
    static class BadText {

        @RateLimit("10 per second")
        void call() {
        }
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

        void call() {
        }
    }

    @Singleton
    @Requires(property = "spec", value = "unset-property")
    static class UnsetProperty {

        @RateLimit("${no.such.limit}")
        void call() {
        }
    }

    @Singleton
    @Requires(property = "spec", value = "unknown-policy")
    static class UnknownPolicy {

        @RateLimit(policy = "unknown")
        void call() {
        }
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
    @Requires(property = "spec", value = "two-numbers")
    static class TwoNumbers {

        @RateLimit(value = "1/s", policy = "shared")
        void first() {
        }

        @RateLimit(value = "2/s", policy = "shared")
        void second() {
        }
    }

    @Singleton
    @Named("one")
    @Requires(property = "spec", pattern = "one-backend|two-backends")
    static class One extends BrokenBackend {
    }

    @Singleton
    @Named("two")
    @Requires(property = "spec", value = "two-backends")
    static class Two extends BrokenBackend {
    }

    abstract static class BrokenBackend implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            throw new IllegalStateException("The store is away.");
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            throw new IllegalStateException("The store is away.");
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            throw new IllegalStateException("The store is away.");
        }
    }
}
