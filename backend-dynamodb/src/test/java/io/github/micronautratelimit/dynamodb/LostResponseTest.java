package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend.BlockingClient;
import io.github.micronautratelimit.dynamodb.FaultyTransport.Fault;
import io.github.micronautratelimit.limit.LimitState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * Writes whose response is lost, or that are delivered twice, over HTTP. The clients have the retries of the SDK, which
 * would send a write again.
 */
class LostResponseTest {

    private static final String NINE_LIMITS = IntStream.range(0, 9)
            .mapToObj(i -> 100 + i + "/" + (100 + i) + "day"
                    + List.of("", " sliding", " fixed").get(i % 3))
            .collect(Collectors.joining("; "));

    private final FaultyTransport transport = open();
    private final String namespace = "lost-" + UUID.randomUUID();
    private final DynamoDbClient blocking = LocalDynamoDb.builder()
            .endpointOverride(transport.endpoint())
            .overrideConfiguration(c -> c.retryStrategy(
                    DefaultRetryStrategy.legacyStrategyBuilder().maxAttempts(9).build()))
            .build();
    private final DynamoDbBackend backend =
            DynamoDbBackend.of(new BlockingClient(blocking, LocalDynamoDb.EXECUTOR), LocalDynamoDb.TABLE, namespace);
    private final DynamoDbBackend other = DynamoDbBackend.of(
            new BlockingClient(LocalDynamoDb.client(), Runnable::run), LocalDynamoDb.TABLE, namespace);

    private static FaultyTransport open() {
        try {
            return new FaultyTransport();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @AfterEach
    void close() {
        blocking.close();
        transport.close();
    }

    private static Decision acquire(DynamoDbBackend backend, Policy policy, long permits) {
        return backend.acquire(policy, "key", permits).toCompletableFuture().join();
    }

    private static long remaining(DynamoDbBackend backend, Policy policy) {
        return backend.peek(policy, "key", 0).toCompletableFuture().join().remaining();
    }

    static Stream<Arguments> limitsAndFaults() {
        return Stream.of(
                        "100/365day",
                        "100/365day sliding",
                        "100/365day fixed",
                        "100/365day; 100/300day sliding",
                        NINE_LIMITS)
                .flatMap(limits -> Stream.of(Fault.values()).map(fault -> Arguments.of(limits, fault)));
    }

    @ParameterizedTest
    @MethodSource("limitsAndFaults")
    void chargesAndRefundsAreMadeOnce(String limits, Fault fault) {
        Policy policy = Policy.of("p", limits);
        acquire(backend, policy, 1);
        transport.arm(fault);
        Decision decision = acquire(backend, policy, 10);
        assertTrue(decision.allowed());
        assertEquals(89, decision.remaining());
        transport.arm(fault);
        assertEquals(
                List.of(86L, 82L),
                backend.acquireBatch(policy, "key", List.of(3L, 4L)).toCompletableFuture().join().stream()
                        .map(Decision::remaining)
                        .toList());
        transport.arm(fault);
        backend.refund(policy, "key", 5, LimitState.LATEST)
                .toCompletableFuture()
                .join();
        assertEquals(87, remaining(backend, policy));
        assertEquals(87, remaining(other, policy));
        assertEquals(3, transport.faults());
        assertEquals(82, acquire(backend, policy, 5).remaining());
    }

    /**
     * A refund by its time, a reservation and a settlement, of items that remember them and of those that do not yet.
     */
    @ParameterizedTest
    @MethodSource("limitsAndFaults")
    void stepsOfChargesAreMadeOnce(String limits, Fault fault) {
        Policy policy = Policy.of("p", limits);
        for (int round = 0; round < 2; round++) {
            long free = 100 - 10L * round;
            long chargedAt = ((Decision.Allowed) acquire(backend, policy, 10)).chargedAtMicros();
            transport.arm(fault);
            backend.refund(policy, "key", 10, chargedAt).toCompletableFuture().join();
            assertUsed(free - remaining(other, policy), 0);
            Reservation.Receipt first = reserve(policy, 20, fault);
            assertUsed(free - remaining(other, policy), 20);
            Reservation.Receipt second = reserve(policy, 30, fault);
            assertUsed(free - remaining(other, policy), 50);
            assertEquals(Reservation.Outcome.SETTLED, settle(policy, first, 25, fault));
            assertUsed(free - remaining(other, policy), 55);
            assertEquals(Reservation.Outcome.SETTLED, settle(policy, second, 10, fault));
            assertUsed(free - remaining(other, policy), 35);
            assertEquals(5 * (round + 1), transport.faults());
            UUID unknown = UUID.randomUUID();
            backend.refund(policy, "key", 25, LimitState.LATEST)
                    .toCompletableFuture()
                    .join();
            assertEquals(
                    Reservation.Outcome.UNKNOWN,
                    backend.settle(policy, "key", new Reservation.Receipt(unknown, 1, 1, Long.MAX_VALUE), 5)
                            .toCompletableFuture()
                            .join()
                            .outcome());
        }
    }

    /** A fraction of a token of a bucket may be missing, because each refund subtracts the drip since its charge. */
    private static void assertUsed(long used, long expected) {
        assertTrue(used == expected || used == expected + 1, () -> used + " used, not " + expected);
    }

    private Reservation.Receipt reserve(Policy policy, long permits, Fault fault) {
        UUID id = UUID.randomUUID();
        transport.arm(fault);
        var decision = (Decision.Allowed) backend.reserve(policy, "key", id, permits, 3_600_000_000L)
                .toCompletableFuture()
                .join();
        return new Reservation.Receipt(
                id, permits, decision.chargedAtMicros(), decision.chargedAtMicros() + 3_600_000_000L);
    }

    private Reservation.Outcome settle(Policy policy, Reservation.Receipt receipt, long actual, Fault fault) {
        transport.arm(fault);
        return backend.settle(policy, "key", receipt, actual)
                .toCompletableFuture()
                .join()
                .outcome();
    }

    /** Others write in the meantime. The id tells whether a reservation was made, and that it was not settled. */
    @ParameterizedTest
    @EnumSource(names = {"RESPONSE_LOST", "REQUEST_LOST"})
    void reservationIsRepeatedByItsId(Fault fault) {
        for (String limits : List.of("100/365day", "100/365day sliding", "100/365day fixed", NINE_LIMITS)) {
            Policy policy = Policy.of("ids" + limits.length(), limits);
            acquire(backend, policy, 1);
            UUID id = UUID.randomUUID();
            transport.arm(fault, () -> {}, () -> acquire(other, policy, 20));
            var decision = (Decision.Allowed) backend.reserve(policy, "key", id, 10, 3_600_000_000L)
                    .toCompletableFuture()
                    .join();
            assertEquals(69, remaining(other, policy), limits);
            var receipt = new Reservation.Receipt(
                    id, 10, decision.chargedAtMicros(), decision.chargedAtMicros() + 3_600_000_000L);
            transport.arm(fault, () -> {}, () -> acquire(other, policy, 2));
            if (fault == Fault.REQUEST_LOST) {
                assertEquals(
                        Reservation.Outcome.SETTLED,
                        backend.settle(policy, "key", receipt, 15)
                                .toCompletableFuture()
                                .join()
                                .outcome());
            } else {
                CompletionException e =
                        assertThrows(CompletionException.class, () -> backend.settle(policy, "key", receipt, 15)
                                .toCompletableFuture()
                                .join());
                assertInstanceOf(TimeoutException.class, e.getCause());
            }
            assertEquals(62, remaining(other, policy), limits);
        }
    }

    static Stream<Arguments> changesAndFaults() {
        return Stream.of("", " sliding", " fixed")
                .flatMap(algorithm -> Stream.of(Fault.values()).map(fault -> Arguments.of(algorithm, fault)));
    }

    /** A change of the limit, and a refund to a blocked key, replace the item. */
    @ParameterizedTest
    @MethodSource("changesAndFaults")
    void itemsAreReplacedOnce(String algorithm, Fault fault) {
        acquire(backend, Policy.of("p", "50/365day" + algorithm), 10);
        Policy policy = Policy.of("p", "100/365day" + algorithm);
        transport.arm(fault);
        assertEquals(85, acquire(backend, policy, 5).remaining());
        transport.arm(fault);
        backend.block(policy, "key", 3_600_000_000L).toCompletableFuture().join();
        transport.arm(fault);
        backend.refund(policy, "key", 4, LimitState.LATEST)
                .toCompletableFuture()
                .join();
        assertEquals(3, transport.faults());
        assertEquals(0, remaining(other, policy), "blocked");
        assertEquals(89, remainingWithoutBlock(policy));
    }

    private long remainingWithoutBlock(Policy policy) {
        AttributeValue key = AttributeValue.fromS(namespace + ":p:" + KeyHash.brief("key"));
        Item found = Item.read(
                LocalDynamoDb.client()
                        .getItem(get -> get.tableName(LocalDynamoDb.TABLE)
                                .consistentRead(true)
                                .key(Map.of(DynamoDbTable.KEY, key)))
                        .item(),
                policy);
        return found.attributes().get(0).state().remaining();
    }

    /** If others write in the meantime, it is not known whether the write was made. It is not made again. */
    @ParameterizedTest
    @EnumSource(names = {"RESPONSE_LOST", "REQUEST_LOST"})
    void writeWhoseFateIsUnknownIsNotRepeated(Fault fault) {
        for (String limits : List.of("100/365day", "100/365day sliding", "100/365day fixed", NINE_LIMITS)) {
            Policy policy = Policy.of("unknown" + limits.length(), limits);
            acquire(backend, policy, 1);
            transport.arm(fault, () -> {}, () -> acquire(other, policy, 20));
            CompletionException e = assertThrows(CompletionException.class, () -> acquire(backend, policy, 10));
            assertInstanceOf(TimeoutException.class, e.getCause());
            assertEquals(fault == Fault.RESPONSE_LOST ? 69 : 79, remaining(other, policy));
            assertEquals(
                    68,
                    acquire(backend, policy, fault == Fault.RESPONSE_LOST ? 1 : 11)
                            .remaining());
        }
    }

    /** A function that was frozen for long knows that nobody has written since, or that it was long ago. */
    @Test
    void writeOnABrokenConnectionIsRepeatedIfOthersWroteLongAgo() {
        Policy policy = Policy.of("p", "100/365day");
        long version = DynamoDbTable.newVersion(DynamoDbClock.machineMicros());
        Item old = Item.blank(policy).charged(Item.blank(policy), 1, 1, version - 3_600_000 * 1_000_000L);
        assertTrue(old.isOlderThan(version, null));
        Item recent = Item.blank(policy).charged(Item.blank(policy), 1, 1, version - 1);
        assertFalse(recent.isOlderThan(version, null));
        assertTrue(recent.isOlderThan(version, recent.version()));
        transport.arm(Fault.REQUEST_LOST);
        assertEquals(99, acquire(backend, policy, 1).remaining(), "a new key");
    }

    @ParameterizedTest
    @EnumSource
    void stepsOfSlotsAreIdempotent(Fault fault) {
        Policy policy = Policy.of("slots", "3 concurrent");
        UUID holder = UUID.randomUUID();
        var slots = backend.concurrency();
        transport.arm(fault);
        assertTrue(slots.acquire(policy, "key", holder)
                .toCompletableFuture()
                .join()
                .allowed());
        transport.arm(fault);
        assertTrue(slots.renew(policy, "key", holder).toCompletableFuture().join());
        assertEquals(2, slots.peek(policy, "key").toCompletableFuture().join().remaining());
        transport.arm(fault);
        slots.release(policy, "key", holder).toCompletableFuture().join();
        assertEquals(3, slots.peek(policy, "key").toCompletableFuture().join().remaining());
        assertEquals(3, transport.faults());
    }

    /** The client of the SDK would send a charge up to nine times by itself. */
    @ParameterizedTest
    @EnumSource
    void clientThatRetriesByItselfSendsAWriteOnce(Fault fault) {
        Policy policy = Policy.of("p", "100/365day");
        try (DynamoDbAsyncClient client = DynamoDbAsyncClient.builder()
                .endpointOverride(transport.endpoint())
                .region(LocalDynamoDb.client().serviceClientConfiguration().region())
                .credentialsProvider(
                        LocalDynamoDb.client().serviceClientConfiguration().credentialsProvider())
                .httpClientBuilder(NettyNioAsyncHttpClient.builder())
                .build()) {
            DynamoDbBackend nonBlocking = DynamoDbBackend.of(client, LocalDynamoDb.TABLE, namespace);
            acquire(nonBlocking, policy, 1);
            int before = transport.writes();
            transport.arm(fault);
            assertEquals(89, acquire(nonBlocking, policy, 10).remaining());
            assertEquals(fault == Fault.REQUEST_LOST ? 2 : 1, transport.writes() - before);
            transport.throttle(body -> true);
            int unthrottled = transport.writes();
            List<Throwable> failures = new ArrayList<>();
            nonBlocking
                    .acquire(policy, "key", 1)
                    .toCompletableFuture()
                    .handle((decision, failure) -> failures.add(failure))
                    .join();
            assertEquals(1, failures.size());
            assertEquals(1, transport.writes() - unthrottled);
        }
    }
}
