package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.VirtualClock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** The contents and the size of items. */
class ItemTest {

    private final String namespace = "item-" + UUID.randomUUID().toString().substring(0, 8);
    private final VirtualClock clock = new VirtualClock(DynamoDbClock.machineMicros());
    private final DynamoDbBackend backend =
            new DynamoDbBackend(new CountingClient(), CountingClient.TABLE, namespace, clock, () -> {});

    private Decision acquire(Policy policy, long permits) {
        return backend.acquire(policy, "user 42", permits).toCompletableFuture().join();
    }

    private Map<String, AttributeValue> item(Policy policy) {
        String name = namespace + ":" + policy.name() + ":" + KeyHash.brief("user 42");
        return CountingClient.STORE
                .getItem(get -> get.tableName(CountingClient.TABLE)
                        .consistentRead(true)
                        .key(Map.of("pk", AttributeValue.fromS(name))))
                .item();
    }

    /** A larger item would cost two write units per write. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "100/min",
                "1000/h burst 5000",
                "999999999989/day burst 53000",
                "10000/day fixed",
                "1000000/min sliding",
                "5/s burst 20; 1000/h; 10000/day",
                "100/s; 1000/h sliding; 10000/day fixed"
            })
    void itemIsSmallerThanOneKilobyte(String limits) {
        Policy policy = Policy.of("some-policy", limits);
        long permits = 1 + policy.capacity() / 200;
        long largest = 0;
        long shortest = policy.rateLimits().stream()
                .mapToLong(limit -> limit.periodMicros())
                .min()
                .orElseThrow();
        long longest = policy.rateLimits().stream()
                .mapToLong(limit -> limit.periodMicros())
                .max()
                .orElseThrow();
        for (int i = 0; i < 600; i++) {
            acquire(policy, permits);
            clock.advance(i % 7 == 0 ? longest / 90 : shortest / 80);
            largest = Math.max(largest, size(item(policy)));
        }
        long bytes = largest;
        System.out.println(limits + ": " + bytes + " bytes");
        assertTrue(bytes > 50 && bytes <= 1024, () -> bytes + " bytes");
    }

    /** Computes the size as DynamoDB does: a number takes half its digits plus 1, and each entry of a map 1 more. */
    private static long size(Map<String, AttributeValue> item) {
        long size = 0;
        for (Map.Entry<String, AttributeValue> entry : item.entrySet()) {
            AttributeValue value = entry.getValue();
            size += entry.getKey().length()
                    + (value.s() != null
                            ? value.s().length()
                            : value.b() != null
                                    ? value.b().asByteArray().length
                                    : value.n() != null
                                            ? (value.n().length() + 1) / 2 + 1
                                            : 3 + size(value.m()) + value.m().size());
        }
        return size;
    }

    @ParameterizedTest
    @CsvSource({
        "100/min, 60",
        "5/s burst 200, 40",
        "3/day sliding, 87750",
        "60/min fixed, 60",
        "100/min; 5/h sliding; 7/day fixed, 86400"
    })
    void itemExpiresAnHourAfterItsStateIsEmpty(String limits, long life) {
        Policy policy = Policy.of("p", limits);
        acquire(policy, 1);
        long expires = Long.parseLong(item(policy).get("ttl").n());
        long least = clock.micros() / 1_000_000 + life + 3_600;
        assertTrue(expires >= least && expires <= least + 60, () -> expires - least + " seconds later");
    }

    /** Other writes during a block do not change the expiry. */
    @Test
    void itemExpiresAnHourAfterItsBlock() {
        Policy policy = Policy.of("p", "100/min");
        acquire(policy, 5);
        backend.block(policy, "user 42", 86_400_000_000L).toCompletableFuture().join();
        for (int i = 0; i < 3; i++) {
            long expires = Long.parseLong(item(policy).get("ttl").n());
            long least = clock.micros() / 1_000_000 + 86_400 + 3_600;
            assertTrue(expires >= least && expires <= least + 60, () -> expires - least + " seconds later");
            backend.refund(policy, "user 42", 1, LimitState.LATEST)
                    .toCompletableFuture()
                    .join();
            backend.block(policy, "user 42", 1 + i).toCompletableFuture().join();
        }
        clock.advance(86_400_000_000L);
        acquire(policy, 1);
        assertFalse(item(policy).containsKey("b"), "an ended block is removed");
    }

    /**
     * Each reservation adds 40 bytes or fewer. With the last one, and once the bucket is full, the item is as before.
     */
    @ParameterizedTest
    @ValueSource(strings = {"1000000/min", "1000000/min sliding"})
    void itemKeepsAThousandReservations(String limits) {
        Policy policy = Policy.of("p", limits);
        acquire(policy, 1);
        long before = size(item(policy));
        List<Reservation.Receipt> receipts = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            UUID id = UUID.randomUUID();
            var decision = (Decision.Allowed) backend.reserve(policy, "user 42", id, 900, 86_400_000_000L)
                    .toCompletableFuture()
                    .join();
            receipts.add(new Reservation.Receipt(
                    id, 900, decision.chargedAtMicros(), decision.chargedAtMicros() + 86_400_000_000L));
        }
        long each = (size(item(policy)) - before) / 1_000;
        System.out.println(limits + ": " + each + " bytes a reservation");
        assertTrue(each <= 40, () -> each + " bytes");
        assertFalse(backend.reserve(policy, "user 42", UUID.randomUUID(), 1, 1_000_000)
                .toCompletableFuture()
                .join()
                .allowed());
        assertExpiresAfter(policy, 86_400);
        for (Reservation.Receipt receipt : receipts) {
            backend.settle(policy, "user 42", receipt, 0).toCompletableFuture().join();
        }
        clock.advance(120_000_000);
        acquire(policy, 1);
        assertFalse(item(policy).containsKey("o"), "the last reservation was settled");
        assertEquals(limits, item(policy).get("k").s());
    }

    private void assertExpiresAfter(Policy policy, long seconds) {
        long expires = Long.parseLong(item(policy).get("ttl").n());
        long least = clock.micros() / 1_000_000 + seconds + 3_600;
        assertTrue(expires >= least && expires <= least + 60, () -> expires - least + " seconds later");
    }

    /** Requests, refunds and blocks do not make an item expire before its reservations and its debt. */
    @ParameterizedTest
    @ValueSource(strings = {"100/min", "100/min sliding", "100/min fixed"})
    void itemExpiresAfterItsLastReservation(String limits) {
        Policy policy = Policy.of("p", limits);
        acquire(policy, 1);
        UUID id = UUID.randomUUID();
        backend.reserve(policy, "user 42", id, 2, 7_200_000_000L)
                .toCompletableFuture()
                .join();
        backend.reserve(policy, "user 42", UUID.randomUUID(), 2, 5_000_000)
                .toCompletableFuture()
                .join();
        acquire(policy, 1);
        backend.refund(policy, "user 42", 1, clock.micros())
                .toCompletableFuture()
                .join();
        backend.block(policy, "user 42", 1_000_000).toCompletableFuture().join();
        backend.refund(policy, "user 42", 1, LimitState.LATEST)
                .toCompletableFuture()
                .join();
        assertExpiresAfter(policy, 7_200);
        clock.advance(7_100_000_000L);
        acquire(policy, 1);
        var receipt = new Reservation.Receipt(id, 2, clock.micros(), clock.micros() + 100_000_000);
        backend.settle(policy, "user 42", receipt, 300).toCompletableFuture().join();
        assertFalse(acquire(policy, 1).allowed(), "in debt");
    }

    @ParameterizedTest
    @ValueSource(strings = {"2/min", "2/h sliding", "2/day fixed", "2/min; 2/h sliding; 2/day fixed"})
    void denialAndPeekWriteNothing(String limits) {
        Policy policy = Policy.of("p", limits);
        assertFalse(acquire(policy, 3).allowed());
        assertTrue(acquire(policy, 0).allowed());
        backend.peek(policy, "user 42", 1).toCompletableFuture().join();
        backend.refund(policy, "user 42", 1, LimitState.LATEST)
                .toCompletableFuture()
                .join();
        assertTrue(item(policy).isEmpty());
        acquire(policy, 2);
        Map<String, AttributeValue> before = item(policy);
        assertFalse(acquire(policy, 1).allowed());
        backend.peek(policy, "user 42", 1).toCompletableFuture().join();
        assertEquals(before, item(policy));
    }

    @Test
    void itemDoesNotContainTheKey() {
        Policy policy = Policy.of("p", "2/min");
        acquire(policy, 1);
        assertFalse(item(policy).toString().contains("user"), "the plain key");
    }
}
