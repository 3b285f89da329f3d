package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.VirtualClock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The requests and the write units that a decision costs. A failed write is billed too. */
class RequestsTest {

    private static final long START = 1_790_000_163_376_680L;

    private final CountingClient client = new CountingClient();
    private final String namespace = "requests-" + UUID.randomUUID();
    private final VirtualClock clock = new VirtualClock(START);

    private DynamoDbBackend instance(MicroClock clock) {
        return new DynamoDbBackend(client, CountingClient.TABLE, namespace, clock, () -> {});
    }

    private static boolean acquires(DynamoDbBackend backend, Policy policy, String key) {
        return backend.acquire(policy, key, 1).toCompletableFuture().join().allowed();
    }

    private void assertRequests(double most, long decisions, String what) {
        double each = (double) client.requests() / decisions;
        System.out.printf(
                "%s: %.3f requests, %.3f write units a decision (%d)%n",
                what, each, (double) client.writes() / decisions, decisions);
        assertTrue(each <= most, () -> what + ": " + each + " requests a decision");
    }

    /** One instance, at loads from idle to three times the limit. */
    @ParameterizedTest
    @CsvSource({"100/s", "100/s fixed", "100/s sliding", "100/s; 3000/min sliding; 5000/h fixed"})
    void warm(String limits) {
        Policy policy = Policy.of("warm", limits);
        DynamoDbBackend backend = instance(clock);
        Random random = new Random(1);
        long granted = 0;
        for (int load : new int[] {5, 50, 100, 300}) {
            for (int i = 0; i < 300; i++) {
                clock.advance(random.nextInt(2_000_000 / load));
                granted += acquires(backend, policy, "key") ? 1 : 0;
            }
        }
        assertTrue(granted > 500 && granted < 1_200, "granted " + granted);
        assertRequests(1.05, 1_200, "warm, " + limits);
    }

    /** Each decision is made by a new instance: bursts of three on many keys that return later. */
    @ParameterizedTest
    @CsvSource({"100/min, 1.05", "5/s burst 20, 1.05", "100/min fixed, 1.05", "100/min sliding, 2"})
    void cold(String limits, double most) {
        Policy policy = Policy.of("cold", limits);
        Random random = new Random(2);
        int decisions = 0;
        for (int round = 0; round < 4; round++) {
            for (int key = 0; key < 40; key++) {
                for (int burst = 0; burst < 3; burst++) {
                    clock.advance(random.nextInt(5_000));
                    assertTrue(acquires(instance(clock), policy, "key " + key));
                    decisions++;
                }
            }
            clock.advance(random.nextInt(100_000_000));
        }
        assertRequests(most, decisions, "cold, " + limits);
    }

    /** Eight instances take turns on one key. */
    @ParameterizedTest
    @CsvSource({"5/s burst 20", "100/s", "100/s fixed", "100/s sliding"})
    void severalInstances(String limits) {
        Policy policy = Policy.of("turn", limits);
        Random random = new Random(3);
        List<DynamoDbBackend> instances = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            instances.add(instance(clock));
        }
        for (int i = 0; i < 1_000; i++) {
            clock.advance(random.nextInt(i % 1_000 < 500 ? 4_000 : 40_000));
            acquires(instances.get(random.nextInt(8)), policy, "key");
        }
        assertRequests(1.05, 1_000, "8 instances, " + limits);
    }

    /** 32 callers behind 4 instances use one key in real time. An instance makes one call for all waiting callers. */
    @ParameterizedTest
    @CsvSource({"100/s", "100/s fixed", "1000/min sliding", "20000/min"})
    void contended(String limits) throws Exception {
        assertRequests(1.05, contend(limits, 4, Collections.nCopies(8, 1L)), "contended, " + limits);
    }

    /** The same with one call per caller. The number of conflicts depends on the machine. */
    @ParameterizedTest
    @CsvSource({"100/s", "100/s fixed", "1000/min sliding", "20000/min"})
    void contendedWithoutBatches(String limits) throws Exception {
        assertRequests(2, contend(limits, 32, List.of(1L)), "contended without batches, " + limits);
    }

    private int contend(String limits, int callers, List<Long> costs) throws Exception {
        Policy policy = Policy.of("contended", limits);
        List<DynamoDbBackend> instances = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            instances.add(instance(DynamoDbClock::machineMicros));
        }
        AtomicLong granted = new AtomicLong();
        ExecutorService threads = Executors.newFixedThreadPool(callers);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                DynamoDbBackend instance = instances.get(i % 4);
                all.add(threads.submit(() -> {
                    for (int n = 0; n < 60; n++) {
                        granted.addAndGet(
                                instance.acquireBatch(policy, "key", costs).toCompletableFuture().join().stream()
                                        .filter(Decision::allowed)
                                        .count());
                    }
                }));
            }
            for (Future<?> each : all) {
                each.get();
            }
        } finally {
            threads.shutdownNow();
        }
        int decisions = callers * 60 * costs.size();
        assertTrue(granted.get() >= Math.min(policy.capacity(), decisions), "granted " + granted);
        return decisions;
    }

    /** A predicted denial is a read, not a failed write. */
    @Test
    void predictedDenialWritesNothing() {
        Policy policy = Policy.of("blocked", "2/min; 5/h sliding");
        DynamoDbBackend backend = instance(clock);
        acquires(backend, policy, "key");
        acquires(backend, policy, "key");
        long writes = client.writes();
        for (int i = 0; i < 10; i++) {
            assertFalse(acquires(backend, policy, "key"));
        }
        assertEquals(writes, client.writes());
        assertEquals(12, client.requests());
    }

    /** A block is a write. An instance that has not seen the block makes one failed write, then reads. */
    @ParameterizedTest
    @CsvSource({"100/min, 6", "100/min fixed, 6", "100/min sliding, 7", "100/min; 5000/h sliding, 7"})
    void deniedRequestOfABlockedKeyIsARead(String limits, long afterwards) {
        Policy policy = Policy.of("blocked", limits);
        DynamoDbBackend blocking = instance(clock);
        DynamoDbBackend other = instance(clock);
        acquires(other, policy, "key");
        blocking.block(policy, "key", 10_000_000).toCompletableFuture().join();
        assertEquals(List.of(2L, 2L), List.of(client.requests(), client.writes()));
        for (int i = 0; i < 10; i++) {
            assertFalse(acquires(blocking, policy, "key"));
            assertFalse(acquires(other, policy, "key"));
        }
        assertEquals(List.of(22L, 3L), List.of(client.requests(), client.writes()));
        other.refund(policy, "key", 1, LimitState.LATEST).toCompletableFuture().join();
        assertEquals(List.of(24L, 4L), List.of(client.requests(), client.writes()));
        clock.advance(10_000_000);
        for (int i = 0; i < 5; i++) {
            assertTrue(acquires(other, policy, "key"));
        }
        assertTrue(acquires(blocking, policy, "key"));
        assertEquals(
                24 + afterwards,
                client.requests(),
                "a sliding window that another instance has charged may cost one more");
    }

    /** A refund, a reservation and a settlement are a write each, also if the key remembers earlier ones. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"100/min", "100/min fixed", "100/min sliding", "100/min; 5000/h sliding"})
    void stepsOfAChargeAreAWrite(String limits) {
        Policy policy = Policy.of("steps", limits);
        DynamoDbBackend backend = instance(clock);
        for (int round = 0; round < 3; round++) {
            clock.advance(300_000);
            var charged = (Decision.Allowed)
                    backend.acquire(policy, "key", 5).toCompletableFuture().join();
            Reservation.Receipt receipt = reserve(backend, policy);
            clock.advance(500_000);
            backend.refund(policy, "key", 5, charged.chargedAtMicros())
                    .toCompletableFuture()
                    .join();
            settle(backend, policy, receipt);
            assertEquals(4 * (round + 1), client.writes());
            assertEquals(4 * (round + 1), client.requests());
        }
        long before = client.requests();
        Reservation.Receipt receipt = reserve(backend, policy);
        settle(instance(clock), policy, receipt);
        assertEquals(before + 3, client.requests(), "another instance reads the reservation first");
        reserve(instance(clock), Policy.of("new", limits));
        assertEquals(before + 4, client.requests());
        reserve(instance(clock), Policy.of("new", limits));
        assertEquals(before + 6, client.requests(), "another instance does not know that the key remembers");
    }

    private static Reservation.Receipt reserve(DynamoDbBackend backend, Policy policy) {
        UUID id = UUID.randomUUID();
        var decision = (Decision.Allowed) backend.reserve(policy, "key", id, 10, 60_000_000)
                .toCompletableFuture()
                .join();
        return new Reservation.Receipt(id, 10, decision.chargedAtMicros(), decision.chargedAtMicros() + 60_000_000);
    }

    private static void settle(DynamoDbBackend backend, Policy policy, Reservation.Receipt receipt) {
        assertEquals(
                Reservation.Outcome.SETTLED,
                backend.settle(policy, "key", receipt, 4)
                        .toCompletableFuture()
                        .join()
                        .outcome());
    }

    /** A batch of requests of one key is one write, or two if some of them are denied and that was not predicted. */
    @Test
    void batchSharesAWrite() {
        Policy policy = Policy.of("each", "100/min");
        DynamoDbBackend backend = instance(clock);
        backend.acquireBatch(policy, "key", Collections.nCopies(90, 1L))
                .toCompletableFuture()
                .join();
        assertEquals(1, client.requests());
        instance(clock)
                .acquireBatch(policy, "key", Collections.nCopies(50, 1L))
                .toCompletableFuture()
                .join();
        assertEquals(3, client.requests());
        assertFalse(acquires(instance(clock), policy, "key"));
        assertEquals(4, client.requests());
    }

    /** One request per policy up to the first denial, and one refund per policy that had granted. */
    @Test
    void severalPoliciesAreAcquiredOneAfterTheOther() {
        Policy wide = Policy.of("wide", "100/min");
        Policy narrow = Policy.of("narrow", "2/day");
        DynamoDbBackend backend = instance(clock);
        List<PermitRequest> wideFirst = List.of(new PermitRequest(wide, "key", 1), new PermitRequest(narrow, "key", 1));
        List<PermitRequest> narrowFirst =
                List.of(new PermitRequest(narrow, "key", 1), new PermitRequest(wide, "key", 1));
        assertEquals(2, requestsOf(backend, wideFirst, true));
        assertEquals(2, requestsOf(backend, narrowFirst, true));

        long writes = client.writes();
        assertEquals(3, requestsOf(backend, wideFirst, false));
        assertEquals(2, client.writes() - writes, "a charge and its refund; the denial was predicted, so it is a read");
        assertEquals(1, requestsOf(backend, narrowFirst, false));
        assertEquals(
                98, backend.peek(wide, "key", 0).toCompletableFuture().join().remaining());
    }

    private long requestsOf(DynamoDbBackend backend, List<PermitRequest> requests, boolean granted) {
        long before = client.requests();
        List<Decision> decisions =
                backend.acquireAll(requests).toCompletableFuture().join();
        assertEquals(granted, decisions.stream().allMatch(Decision::allowed));
        return client.requests() - before;
    }

    /** Up to 8 limits fit into an expression. With more, a decision is a read and a write. */
    @ParameterizedTest
    @CsvSource({"8, 1", "9, 2", "16, 2"})
    void policyMayHaveUpToSixteenLimits(int limits, int requests) {
        String text = IntStream.range(0, limits)
                .mapToObj(i -> (100 + i) + "/" + (i + 1) + "h"
                        + List.of("", " sliding", " fixed", " burst 500").get(i % 4))
                .collect(Collectors.joining("; "));
        Policy policy = Policy.of("many", text);
        DynamoDbBackend backend = instance(clock);
        for (int i = 0; i < 100; i++) {
            assertTrue(acquires(i % 2 == 0 ? backend : instance(clock), policy, "key"));
        }
        assertFalse(acquires(backend, policy, "key"));
        long before = client.requests();
        assertTrue(acquires(instance(clock), policy, "new"));
        assertEquals(requests, client.requests() - before);
    }
}
