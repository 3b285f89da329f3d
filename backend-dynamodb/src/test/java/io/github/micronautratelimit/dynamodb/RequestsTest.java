package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.tck.VirtualClock;

/** How many requests a decision costs, and how many write units: a write that fails is billed too. */
class RequestsTest {

    private static final long START = 1_790_000_163_376_680L;

    private final CountingClient client = new CountingClient();
    private final String namespace = "requests-" + UUID.randomUUID();
    private final VirtualClock clock = new VirtualClock(START);

    private DynamoDbBackend instance(MicroClock clock) {
        return new DynamoDbBackend(client, CountingClient.TABLE, namespace, clock, () -> { });
    }

    private static boolean asks(DynamoDbBackend backend, Policy policy, String key) {
        return backend.acquire(policy, key, 1).toCompletableFuture().join().allowed();
    }

    private void assertRequests(double most, long decisions, String what) {
        double each = (double) client.requests() / decisions;
        System.out.printf("%s: %.3f requests, %.3f write units a decision (%d)%n", what, each,
                (double) client.writes() / decisions, decisions);
        assertTrue(each <= most, () -> what + ": " + each + " requests a decision");
    }

    /** One instance alone, at every load from idle to far too much. */
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
                granted += asks(backend, policy, "key") ? 1 : 0;
            }
        }
        assertTrue(granted > 500 && granted < 1_200, "granted " + granted);
        assertRequests(1.05, 1_200, "warm, " + limits);
    }

    /** Each decision by an instance that has never seen the key: bursts of three on many keys, which come back later. */
    @ParameterizedTest
    @CsvSource({"100/min, 1.05", "5/s burst 20, 1.05", "100/min fixed, 1.05", "100/min sliding, 2"})
    void cold(String limits, double most) {
        Policy policy = Policy.of("cold", limits);
        Random random = new Random(2);
        int decisions = 0;
        for (int round = 0; round < 4; round++) {
            for (int key = 0; key < 100; key++) {
                for (int burst = 0; burst < 3; burst++) {
                    clock.advance(random.nextInt(5_000));
                    assertTrue(asks(instance(clock), policy, "key " + key));
                    decisions++;
                }
            }
            clock.advance(random.nextInt(100_000_000));
        }
        assertRequests(most, decisions, "cold, " + limits);
    }

    /** Many instances and one key: they know little of each other. */
    @ParameterizedTest
    @CsvSource({"5/s burst 20", "100/s", "100/s fixed", "100/s sliding"})
    void severalInstancesInTurn(String limits) {
        Policy policy = Policy.of("turn", limits);
        Random random = new Random(3);
        List<DynamoDbBackend> instances = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            instances.add(instance(clock));
        }
        for (int i = 0; i < 2_000; i++) {
            clock.advance(random.nextInt(i % 1_000 < 500 ? 4_000 : 40_000));
            asks(instances.get(random.nextInt(8)), policy, "key");
        }
        assertRequests(1.05, 2_000, "8 instances, " + limits);
    }

    /** 32 callers behind 4 instances on one key, in real time; an instance asks for all who wait at once. */
    @ParameterizedTest
    @CsvSource({"100/s", "100/s fixed", "1000/min sliding", "20000/min"})
    void contended(String limits) throws Exception {
        assertRequests(1.05, contend(limits, 4, Collections.nCopies(8, 1L)), "contended, " + limits);
    }

    /** The same if each of the 32 asks for himself: how many see a permit that another then takes depends on the machine. */
    @ParameterizedTest
    @CsvSource({"100/s", "100/s fixed", "1000/min sliding", "20000/min"})
    void contendedOneByOne(String limits) throws Exception {
        assertRequests(2, contend(limits, 32, List.of(1L)), "contended one by one, " + limits);
    }

    private int contend(String limits, int callers, List<Long> costs) throws Exception {
        Policy policy = Policy.of("contended", limits);
        List<DynamoDbBackend> instances = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            instances.add(instance(StoreClock::machineMicros));
        }
        AtomicLong granted = new AtomicLong();
        ExecutorService threads = Executors.newFixedThreadPool(callers);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                DynamoDbBackend mine = instances.get(i % 4);
                all.add(threads.submit(() -> {
                    for (int n = 0; n < 60; n++) {
                        granted.addAndGet(mine.acquireEach(policy, "key", costs).toCompletableFuture().join().stream()
                                .filter(Decision::allowed).count());
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

    /** What is known to be denied is looked up, not tried: no write units. */
    @Test
    void aForeseenDenialWritesNothing() {
        Policy policy = Policy.of("blocked", "2/min; 5/h sliding");
        DynamoDbBackend backend = instance(clock);
        asks(backend, policy, "key");
        asks(backend, policy, "key");
        long writes = client.writes();
        for (int i = 0; i < 10; i++) {
            assertFalse(asks(backend, policy, "key"));
        }
        assertEquals(writes, client.writes());
        assertEquals(12, client.requests());
    }

    /** A block is a write; who does not know of it tries one, and from then on looks. Afterwards it costs nothing. */
    @ParameterizedTest
    @CsvSource({"100/min, 6", "100/min fixed, 6", "100/min sliding, 7", "100/min; 5000/h sliding, 7"})
    void aBlockCostsWhatADenialCosts(String limits, long afterwards) {
        Policy policy = Policy.of("blocked", limits);
        DynamoDbBackend blocking = instance(clock);
        DynamoDbBackend other = instance(clock);
        asks(other, policy, "key");
        blocking.block(policy, "key", 10_000_000).toCompletableFuture().join();
        assertEquals(List.of(2L, 2L), List.of(client.requests(), client.writes()));
        for (int i = 0; i < 10; i++) {
            assertFalse(asks(blocking, policy, "key"));
            assertFalse(asks(other, policy, "key"));
        }
        assertEquals(List.of(22L, 3L), List.of(client.requests(), client.writes()));
        other.refund(policy, "key", 1).toCompletableFuture().join();
        assertEquals(List.of(24L, 4L), List.of(client.requests(), client.writes()));
        clock.advance(10_000_000);
        for (int i = 0; i < 5; i++) {
            assertTrue(asks(other, policy, "key"));
        }
        assertTrue(asks(blocking, policy, "key"));
        assertEquals(24 + afterwards, client.requests(), "as ever, a sliding window that others have charged may cost one more");
    }

    /** Several requests of a key told at once cost one write, or two if only some are granted and nobody knew. */
    @Test
    void requestsToldAtOnceShareAWrite() {
        Policy policy = Policy.of("each", "100/min");
        DynamoDbBackend backend = instance(clock);
        backend.acquireEach(policy, "key", Collections.nCopies(90, 1L)).toCompletableFuture().join();
        assertEquals(1, client.requests());
        instance(clock).acquireEach(policy, "key", Collections.nCopies(50, 1L)).toCompletableFuture().join();
        assertEquals(3, client.requests());
        assertFalse(asks(instance(clock), policy, "key"));
        assertEquals(4, client.requests());
    }

    /** As many requests as policies, up to the first that denies; what was taken by then costs one more each to give back. */
    @Test
    void severalPoliciesAreAskedInTurn() {
        Policy wide = Policy.of("wide", "100/min");
        Policy narrow = Policy.of("narrow", "2/day");
        DynamoDbBackend backend = instance(clock);
        List<Ask> wideFirst = List.of(new Ask(wide, "key", 1), new Ask(narrow, "key", 1));
        List<Ask> narrowFirst = List.of(new Ask(narrow, "key", 1), new Ask(wide, "key", 1));
        assertEquals(2, requestsOf(backend, wideFirst, true));
        assertEquals(2, requestsOf(backend, narrowFirst, true));

        long writes = client.writes();
        assertEquals(3, requestsOf(backend, wideFirst, false));
        assertEquals(2, client.writes() - writes, "taken and given back; the denial was foreseen, and is a read");
        assertEquals(1, requestsOf(backend, narrowFirst, false));
        assertEquals(98, backend.peek(wide, "key", 0).toCompletableFuture().join().remaining());
    }

    private long requestsOf(DynamoDbBackend backend, List<Ask> asks, boolean granted) {
        long before = client.requests();
        List<Decision> decisions = backend.acquireAll(asks).toCompletableFuture().join();
        assertEquals(granted, decisions.stream().allMatch(Decision::allowed));
        return client.requests() - before;
    }

    /** Whatever fits into an expression; beyond that, a read and a write. */
    @ParameterizedTest
    @CsvSource({"8, 1", "9, 2", "30, 2"})
    void aPolicyMayHaveAnyNumberOfLimits(int limits, int requests) {
        String text = IntStream.range(0, limits).mapToObj(i -> (100 + i) + "/" + (i + 1) + "h" + List.of("", " sliding",
                " fixed", " burst 500").get(i % 4)).collect(Collectors.joining("; "));
        Policy policy = Policy.of("many", text);
        DynamoDbBackend backend = instance(clock);
        for (int i = 0; i < 100; i++) {
            assertTrue(asks(i % 2 == 0 ? backend : instance(clock), policy, "key"));
        }
        assertFalse(asks(backend, policy, "key"));
        long before = client.requests();
        assertTrue(asks(instance(clock), policy, "new"));
        assertEquals(requests, client.requests() - before);
    }
}
