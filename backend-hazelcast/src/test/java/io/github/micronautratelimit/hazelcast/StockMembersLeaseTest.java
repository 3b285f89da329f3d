package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tests concurrency limits on a stock member: slots are acquired by compare-and-replace, and never too many. */
class StockMembersLeaseTest {

    @Test
    void slotsAreAcquiredRenewedAndReleased() {
        try (Cluster cluster = new Cluster(1)) {
            ForkedMember.stock(cluster.name(), cluster.port(0), List.of(cluster.port(0)));
            Policy policy = Policy.of("p", "3 concurrent");
            try (HazelcastBackend one = new HazelcastBackend(cluster.client(), "stock-leases");
                    HazelcastBackend other = new HazelcastBackend(cluster.client(), "stock-leases")) {
                List<RateLimiter> instances = List.of(
                        RateLimiter.builder(one).unguarded().build(),
                        RateLimiter.builder(other).unguarded().build());
                List<Lease> held = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    held.add(instances.get(i % 2).lease(policy, "key"));
                }
                assertTrue(held.stream().allMatch(Lease::allowed));
                assertFalse(instances.get(1).lease(policy, "key").allowed());
                assertTrue(held.get(0).renew().toCompletableFuture().join());
                held.get(0).release().toCompletableFuture().join();
                assertEquals(1, instances.get(1).peek(policy, "key", 0).remaining());
                assertTrue(instances.get(1).lease(policy, "key").allowed());
                instances.get(0).reset(policy, "key");
                assertEquals(3, instances.get(1).peek(policy, "key", 0).remaining());
            }
        }
    }
}
