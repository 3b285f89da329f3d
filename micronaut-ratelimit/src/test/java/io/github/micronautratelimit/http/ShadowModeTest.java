package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.DecisionCounts;
import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.context.scope.refresh.RefreshEvent;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Limits that are counted and deny no request, and candidates beside enforced limits. */
class ShadowModeTest {

    private static TestServer start(Map<String, Object> properties) {
        return TestServer.start(ShadowModeTest.class, properties);
    }

    private static long decisions(TestServer server, String policy, boolean shadow, boolean allowed) {
        return sum(
                server,
                series -> series.policy().equals(policy) && series.shadow() == shadow && series.allowed() == allowed,
                DecisionCounts.Series::decisions);
    }

    private static long sum(
            TestServer server, Predicate<DecisionCounts.Series> which, ToLongFunction<DecisionCounts.Series> value) {
        return server.context().getBean(RateLimiter.class).counts().all().stream()
                .filter(which)
                .mapToLong(value)
                .sum();
    }

    /** Counting starts with the first look at the counters. */
    private static TestServer counting(Map<String, Object> properties) {
        TestServer server = start(properties);
        server.context().getBean(RateLimiter.class).counts();
        return server;
    }

    @Test
    void policyInShadowModeDeniesNothingAndWritesNoHeader() {
        try (TestServer server =
                counting(Map.of("ratelimit.policies.api.limits", "2/day", "ratelimit.policies.api.mode", "shadow"))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 200, 200), calls.get("/shadow/policy", 5));
            HttpResponse<?> response = calls.get("/shadow/policy");
            assertNull(response.header("RateLimit"));
            assertNull(response.header("RateLimit-Policy"));
            assertEquals(2, decisions(server, "api", true, true));
            assertEquals(4, decisions(server, "api", true, false));
        }
    }

    @Test
    void annotationInShadowModeHasCountersOfItsOwn() {
        try (TestServer server = counting(Map.of("ratelimit.policies.api.limits", "2/day"))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 200), calls.get("/shadow/annotated", 4));
            assertEquals(List.of(200, 200, 429), calls.get("/shadow/policy", 3), "the shadow takes no permits");
            assertEquals(2, decisions(server, "api:shadow", true, false));
        }
    }

    @Test
    void inlineLimitInShadowModeStandsBesideAnEnforcedOne() {
        try (TestServer server = counting(Map.of("ratelimit.policies.api.limits", "3/day"))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 429), calls.get("/shadow/both", 4));
            String header = calls.get("/shadow/both").header("RateLimit-Policy");
            assertTrue(header.startsWith("\"api\"") && !header.contains(","), header);
            assertEquals(
                    2,
                    sum(server, series -> series.shadow() && !series.allowed(), DecisionCounts.Series::decisions),
                    "the denied request is not counted");
        }
    }

    @Test
    void ruleInShadowModeKeepsItsKeyAndOverrides() {
        try (TestServer server = counting(Map.of(
                "ratelimit.policies.api.limits",
                "2/day",
                "ratelimit.policies.api.key",
                "{header:X-User}",
                "ratelimit.policies.api.overrides[0].key",
                "gold",
                "ratelimit.policies.api.overrides[0].limits",
                "5/day",
                "ratelimit.rules[0].path",
                "/shadow/free",
                "ratelimit.rules[0].policy",
                "api",
                "ratelimit.rules[0].mode",
                "shadow"))) {
            Calls calls = server.calls();
            for (String user : List.of("gold", "lead")) {
                for (int i = 0; i < 6; i++) {
                    assertEquals(200, calls.get("/shadow/free", "X-User", user).code());
                }
            }
            assertEquals(7, decisions(server, "api:shadow", true, true), "5 for gold, 2 for lead");
            assertEquals(5, decisions(server, "api:shadow", true, false));
        }
    }

    @Test
    void allLimitsCanBePutIntoShadowMode() {
        try (Log log = new Log();
                TestServer server =
                        counting(Map.of("ratelimit.shadow", true, "ratelimit.policies.api.limits", "1/day"))) {
            assertTrue(
                    log.lines().stream().anyMatch(line -> line.endsWith("so none of them denies a request.")),
                    () -> log.lines().toString());
            Calls calls = server.calls();
            for (String path : List.of("/shadow/policy", "/shadow/both", "/shadow/inline", "/shadow/bean")) {
                assertEquals(List.of(200, 200, 200), calls.get(path, 3), path);
            }
            assertEquals(0, sum(server, series -> !series.shadow(), DecisionCounts.Series::decisions));
            assertTrue(sum(server, series -> !series.allowed(), DecisionCounts.Series::decisions) >= 6);
        }
    }

    @Test
    void concurrencyLimitInShadowModeReleasesItsSlots() throws Exception {
        try (TestServer server = counting(
                Map.of("ratelimit.policies.api.limits", "1 concurrent", "ratelimit.policies.api.mode", "shadow"))) {
            assertEquals(List.of(200, 200, 200), server.calls().get("/shadow/policy", 3));
            RateLimiter limiter = server.context().getBean(RateLimiter.class);
            Policy policy = server.context().getBean(PolicyRegistry.class).get("api");
            Eventually.equal(1L, () -> limiter.peek(policy, "ip:127.0.0.1", 0).remaining());
        }
    }

    @Test
    void candidateIsComparedAndPromotedWithItsCounts() {
        try (TestServer server = counting(Map.of(
                "ratelimit.policies.api.limits", "10/day fixed", "ratelimit.policies.api.candidate", "3/day fixed"))) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 200, 200), calls.get("/shadow/policy", 5));
            assertEquals(3, sum(server, DecisionCounts.Series::allowed, DecisionCounts.Series::allowedByCandidate));
            assertEquals(2, sum(server, DecisionCounts.Series::allowed, DecisionCounts.Series::deniedByCandidate));
            promote(
                    server.context(),
                    Map.of(
                            "ratelimit.policies.api.limits",
                            "6/day fixed",
                            "ratelimit.policies.api.candidate",
                            List.of()));
            assertEquals(List.of(200, 429), calls.get("/shadow/policy", 2), "5 of 6 permits are spent");
        }
    }

    @SuppressWarnings("unchecked")
    private static void promote(ApplicationContext context, Map<String, Object> properties) {
        context.getEnvironment().addPropertySource(PropertySource.of("promoted", properties, 1000));
        Map<String, Object> changes = context.getEnvironment().refreshAndDiff();
        context.getBean(ApplicationEventPublisher.class).publishEvent(new RefreshEvent(changes));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ratelimit.policies.api.candidate=10/day",
                "ratelimit.policies.api.candidate=often",
                "ratelimit.policies.api.candidate=5 concurrent",
                "ratelimit.policies.api.mode=shadows",
                "ratelimit.policies.api.mode=shadow,ratelimit.policies.api.candidate=5/day",
                "ratelimit.policies.api.mode=shadow,ratelimit.policies.api.max-prefetch=5",
                "ratelimit.shadow=true,ratelimit.policies.api.candidate=5/day",
                "ratelimit.shadow=maybe",
                "ratelimit.policies.api.max-wait=1s,ratelimit.policies.api.candidate=5/day",
                "ratelimit.policies.api.refund-on=5xx,ratelimit.policies.api.candidate=5/day",
                "ratelimit.rules[0].path=/x,ratelimit.rules[0].policy=api,ratelimit.rules[0].mode=prefetch"
            })
    void settingThatCannotWorkFailsTheStart(String settings) {
        Map<String, Object> properties = new HashMap<>(Map.of("ratelimit.policies.api.limits", "10/day"));
        for (String setting : settings.split(",")) {
            properties.put(setting.split("=")[0], setting.split("=")[1]);
        }
        assertThrows(RuntimeException.class, () -> start(properties).close());
    }

    @Requires(property = "spec", value = "ShadowModeTest")
    @Controller("/shadow")
    static class Shadowed {

        private final Jobs jobs;

        Shadowed(Jobs jobs) {
            this.jobs = jobs;
        }

        @Get("/policy")
        @RateLimit(value = "1000/day", policy = "api")
        String policy() {
            return "";
        }

        @Get("/annotated")
        @RateLimit(value = "1000/day", policy = "api", shadow = true)
        String annotated() {
            return "";
        }

        @Get("/both")
        @RateLimit(value = "1000/day", policy = "api")
        @RateLimit(value = "1/day", shadow = true)
        String both() {
            return "";
        }

        @Get("/inline")
        @RateLimit("1/day")
        String inline() {
            return "";
        }

        @Get("/bean")
        String bean() {
            return jobs.run();
        }

        @Get("/free")
        String free() {
            return "";
        }
    }

    @Requires(property = "spec", value = "ShadowModeTest")
    @Singleton
    static class Jobs {

        @RateLimit("1/day")
        String run() {
            return "";
        }
    }
}
