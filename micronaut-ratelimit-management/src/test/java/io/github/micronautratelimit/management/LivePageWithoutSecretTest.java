package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.annotation.Property;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A secret keeps an address from being found from its hash, so without one the live page shows no hashes. */
@MicronautTest
@Property(name = "ratelimit.dashboard.enabled", value = "true")
@Property(name = "endpoints.ratelimit-dashboard.sensitive", value = "false")
@Property(name = "ratelimit.policies.orders.limits", value = "10/min")
@Property(name = "ratelimit.policies.orders.overrides[0].key", value = "vip")
@Property(name = "ratelimit.policies.orders.overrides[0].limits", value = "20/min")
class LivePageWithoutSecretTest {

    @Inject
    EmbeddedServer server;

    @Inject
    RateLimiter limiter;

    @Inject
    PolicyRegistry policies;

    @Test
    void withoutASecretNoHashOfAKeyIsShown() throws IOException {
        try (Viewer viewer = new Viewer(server.getPort())) {
            String state = viewer.next("state");
            assertTrue(state.contains("\"keysHidden\":true"), state);
            assertTrue(state.contains("\"overrides\":[{\"limits\":[\"20/min\"]}]"), state);
            Policy orders = policies.get("orders");
            IntStream.range(0, 14).forEach(i -> limiter.tryAcquire(orders, "mallory@example.com"));
            String second = viewer.until("\"orders\":[10,4]");
            assertTrue(second.contains("\"topDenied\":[]"), second);
            assertTrue(second.contains("\"nearLimit\":[]"), second);
            assertFalse((state + second).contains("keyHash"), state + second);
        }
    }
}
