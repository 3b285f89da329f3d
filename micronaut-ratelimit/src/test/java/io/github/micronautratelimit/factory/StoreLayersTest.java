package io.github.micronautratelimit.factory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** The layers of a limiter on a store, as configured. */
class StoreLayersTest {

    private static EmbeddedServer start(String... properties) {
        Map<String, Object> all = new HashMap<>(Map.of("ratelimit.policies.p.limits", "3/day"));
        for (int i = 0; i < properties.length; i += 2) {
            all.put(properties[i], properties[i + 1]);
        }
        return ApplicationContext.run(EmbeddedServer.class, all, "test");
    }

    private static Source acquire(EmbeddedServer server) {
        Policy policy =
                server.getApplicationContext().getBean(PolicyRegistry.class).get("p");
        return server.getApplicationContext()
                .getBean(RateLimiter.class)
                .tryAcquire(policy, "key")
                .source();
    }

    @Test
    void denyCacheRepeatsDenialsOfStore() {
        try (EmbeddedServer server = start("ratelimit.backend", "async")) {
            for (int i = 0; i < 4; i++) {
                assertEquals(Source.STORE, acquire(server));
            }
            assertEquals(Source.DENY_CACHE, acquire(server));
        }
        try (EmbeddedServer server = start("ratelimit.backend", "async", "ratelimit.deny-cache", "0s")) {
            for (int i = 0; i < 6; i++) {
                assertEquals(Source.STORE, acquire(server));
            }
        }
    }

    @Test
    void localLimitDeniesBeforeStore() {
        try (EmbeddedServer server = start("ratelimit.backend", "async", "ratelimit.policies.p.local-limit", "1/day")) {
            assertEquals(Source.STORE, acquire(server));
            assertEquals(Source.LOCAL_LIMIT, acquire(server));
        }
    }

    @Test
    void prefetchedPermitsAreReturnedOnClose() {
        try (EmbeddedServer server = start(
                "ratelimit.backend",
                "async",
                "ratelimit.policies.p.limits",
                "1000/day",
                "ratelimit.policies.p.mode",
                "prefetch",
                "ratelimit.policies.p.max-prefetch",
                "20")) {
            for (int i = 0; i < 100; i++) {
                acquire(server);
            }
            RateLimiter limiter = server.getApplicationContext().getBean(RateLimiter.class);
            LimiterStats.Prefetch before =
                    Objects.requireNonNull(limiter.stats().prefetch());
            assertTrue(before.granted() > 0 && before.held() <= 20, before::toString);
            limiter.close();
            LimiterStats.Prefetch after = Objects.requireNonNull(limiter.stats().prefetch());
            assertEquals(0, after.held());
            assertEquals(after.taken(), after.granted() + after.returned());
        }
    }

    @Test
    void memoryBackendHasNoLayers() {
        try (EmbeddedServer server = start("ratelimit.policies.p.local-limit", "1/day")) {
            for (int i = 0; i < 5; i++) {
                assertEquals(Source.STORE, acquire(server));
            }
        }
    }
}
