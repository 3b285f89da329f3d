package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.LeaseContract;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class DynamoDbLeaseTest extends LeaseContract {

    @Override
    protected BackendUnderTest open() {
        return new DynamoDbUnderTest();
    }

    /** A policy has up to 1000 slots. Slots of expired holders are taken over in few requests. */
    @Test
    void policyHasAtMostThousandSlots() {
        try (BackendUnderTest store = open()) {
            long[] now = {1_789_381_217_300_123L};
            ConcurrencyBackend slots = store.connect(() -> now[0]).concurrency();
            Policy policy = Policy.of("most-" + UUID.randomUUID(), "1000 concurrent");
            for (int i = 0; i < 1_000; i++) {
                assertTrue(take(slots, policy), "slot " + i);
            }
            assertFalse(take(slots, policy));
            now[0] += 30_000_000;
            long before = store.roundTrips();
            for (int i = 0; i < 50; i++) {
                assertTrue(take(slots, policy), "slot " + i);
            }
            assertEquals(
                    51,
                    store.roundTrips() - before,
                    "one more request finds the expired holders and removes enough of them for all");
            Policy more = Policy.of("more", "1001 concurrent");
            assertThrows(NonRetryableStoreException.class, () -> slots.acquire(more, "key", UUID.randomUUID()));
        }
    }

    private static boolean take(ConcurrencyBackend slots, Policy policy) {
        return slots.acquire(policy, "key", UUID.randomUUID())
                .toCompletableFuture()
                .join()
                .allowed();
    }
}
