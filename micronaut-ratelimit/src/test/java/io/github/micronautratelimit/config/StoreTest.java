package io.github.micronautratelimit.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.AsyncBackend;
import io.github.micronautratelimit.Decision.Source;
import io.github.micronautratelimit.PermitLeases;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.context.ApplicationContext;

/** What stands before a store, as it is configured. */
class StoreTest {

    private static EmbeddedServer start(String... settings) {
        Map<String, Object> all = new HashMap<>(Map.of("ratelimit.policies.p.limits", "3/day"));
        for (int i = 0; i < settings.length; i += 2) {
            all.put(settings[i], settings[i + 1]);
        }
        return ApplicationContext.run(EmbeddedServer.class, all, "test");
    }

    private static Source acquire(EmbeddedServer server) {
        Policy policy = server.getApplicationContext().getBean(Policies.class).get("p");
        return server.getApplicationContext().getBean(RateLimiter.class).acquire(policy, "key").source();
    }

    @Test
    void whatTheStoreHasDeniedIsDeniedWithoutIt() {
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
    void aLocalLimitIsInFrontOfAStore() {
        try (EmbeddedServer server =
                start("ratelimit.backend", "async", "ratelimit.policies.p.local-limit", "1/day")) {
            assertEquals(Source.STORE, acquire(server));
            assertEquals(Source.LOCAL_LIMIT, acquire(server));
        }
    }

    @Test
    void aLeasedPolicyTakesPermitsAheadAndGivesThemBackAtTheEnd() {
        try (EmbeddedServer server = start("ratelimit.backend", "async", "ratelimit.policies.p.limits", "1000/day",
                "ratelimit.policies.p.mode", "leased", "ratelimit.policies.p.max-lease", "20")) {
            for (int i = 0; i < 100; i++) {
                acquire(server);
            }
            ChosenBackend chosen = server.getApplicationContext().getBean(ChosenBackend.class);
            PermitLeases leases = Objects.requireNonNull(chosen.leases());
            assertTrue(leases.grantedPermits() > 0 && leases.heldPermits() <= 20, () -> leases.heldPermits() + " held");
            chosen.close();
            assertEquals(0, leases.heldPermits());
            assertEquals(leases.leasedPermits(), leases.grantedPermits() + leases.returnedPermits());
        }
    }

    @Test
    void memoryNeedsNothingInFront() {
        try (EmbeddedServer server = start("ratelimit.policies.p.local-limit", "1/day")) {
            for (int i = 0; i < 5; i++) {
                assertEquals(Source.STORE, acquire(server));
            }
        }
    }
}
