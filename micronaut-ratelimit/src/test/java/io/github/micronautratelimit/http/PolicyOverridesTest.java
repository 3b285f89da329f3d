package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.policy.PolicyResolver;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import jakarta.inject.Singleton;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Limits of single keys, from the configuration or a bean. */
class PolicyOverridesTest {

    private static Map<String, Object> properties(String... further) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("ratelimit.policies.tenant.limits", "1/min");
        all.put("ratelimit.policies.tenant.key", "{header:X-Tenant}");
        for (int i = 0; i < further.length; i += 2) {
            all.put(further[i], further[i + 1]);
        }
        return all;
    }

    @Test
    void overridesReplaceLimitsOfKeys() {
        Map<String, Object> properties = properties();
        properties.put(
                "ratelimit.policies.tenant.overrides",
                List.of(
                        Map.of("key", "Big Shop", "limits", "3/min"),
                        Map.of("key", "192.0.2.1", "limits", List.of("2/min", "5/day"))));
        try (TestServer server = TestServer.start(PolicyOverridesTest.class, properties)) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 429), calls.get("/tenant", 2, "X-Tenant", "small shop"));
            assertEquals(List.of(200, 200, 200, 429), calls.get("/tenant", 4, "X-Tenant", "Big Shop"));
            assertEquals(List.of(200, 200, 429), calls.get("/tenant", 3, "X-Tenant", "192.0.2.1"));
            assertEquals(
                    "\"tenant\";q=3;w=60",
                    calls.get("/tenant", "X-Tenant", "Big Shop").header("RateLimit-Policy"));
            PolicyRegistry policies = server.context().getBean(PolicyRegistry.class);
            Policy override = policies.forKey(policies.get("tenant"), "Big Shop");
            assertEquals(
                    0,
                    server.context()
                            .getBean(RateLimiter.class)
                            .peek(override, "{header:x-tenant}Big Shop", 0)
                            .remaining(),
                    "code uses the same override");
        }
    }

    @Test
    void flatPropertiesAreOverridesToo() {
        Map<String, Object> properties = properties(
                "ratelimit.policies.tenant.overrides[0].key", "a",
                "ratelimit.policies.tenant.overrides[0].limits", "2/min");
        try (TestServer server = TestServer.start(PolicyOverridesTest.class, properties)) {
            assertEquals(List.of(200, 200, 429), server.calls().get("/tenant", 3, "X-Tenant", "a"));
        }
    }

    @Test
    void resolverBeanSelectsLimitsByPlanAndMayFail() {
        Map<String, Object> properties = properties("plans", "true");
        properties.put("ratelimit.policies.tenant.overrides", List.of(Map.of("key", "fixed", "limits", "2/min")));
        try (TestServer server = TestServer.start(PolicyOverridesTest.class, properties)) {
            Calls calls = server.calls();
            assertEquals(List.of(200, 200, 200, 429), calls.get("/tenant", 4, "X-Tenant", "a", "X-Plan", "gold"));
            assertEquals(List.of(200, 429), calls.get("/tenant", 2, "X-Tenant", "b", "X-Plan", "silver"));
            assertEquals(List.of(200, 429), calls.get("/tenant", 2, "X-Tenant", "c", "X-Plan", "throw"));
            assertEquals(List.of(200, 200, 429), calls.get("/tenant", 3, "X-Tenant", "fixed", "X-Plan", "gold"));
        }
    }

    @Controller
    @Requires(property = "spec", value = "PolicyOverridesTest")
    static class Routes {

        @Get("/tenant")
        @RateLimit(policy = "tenant")
        String tenant() {
            return "ok";
        }
    }

    @Singleton
    @Requires(property = "plans")
    static class Plans implements PolicyResolver {

        @Override
        public Policy resolve(Policy policy, String key, @Nullable HttpRequest<?> request) {
            String plan = request == null ? "" : request.getHeaders().get("X-Plan");
            return switch (plan == null ? "" : plan) {
                case "gold" -> policy.withLimits(Limit.parseAll("3/min"));
                case "throw" -> throw new IllegalStateException("no plan");
                default -> policy;
            };
        }
    }
}
