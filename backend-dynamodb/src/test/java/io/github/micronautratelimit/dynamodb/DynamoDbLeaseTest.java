package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.UUID;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.LeaseContract;

class DynamoDbLeaseTest extends LeaseContract {

    @Override
    protected BackendUnderTest open() {
        return new DynamoDbUnderTest();
    }

    /** 1000 places are had and no more, and taken over from the dead in few requests. */
    @Test
    void aThousandPlacesAreTheMost() {
        try (BackendUnderTest store = open()) {
            long[] now = {1_789_381_217_300_123L};
            LeaseBackend leases = store.connect(() -> now[0]).leases();
            Policy policy = Policy.of("most-" + UUID.randomUUID(), "1000 concurrent");
            for (int i = 0; i < 1_000; i++) {
                assertTrue(take(leases, policy), "place " + i);
            }
            assertEquals(false, take(leases, policy));
            now[0] += 30_000_000;
            long before = store.roundTrips();
            for (int i = 0; i < 50; i++) {
                assertTrue(take(leases, policy), "place " + i);
            }
            assertEquals(51, store.roundTrips() - before, "one found the dead, and room for all");
            Policy more = Policy.of("more", "1001 concurrent");
            assertThrows(RateLimitDefectException.class, () -> leases.acquire(more, "key", UUID.randomUUID()));
        }
    }

    private static boolean take(LeaseBackend leases, Policy policy) {
        return leases.acquire(policy, "key", UUID.randomUUID()).toCompletableFuture().join().allowed();
    }
}
